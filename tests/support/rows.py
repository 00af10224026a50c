"""Tables whose rows take one path: one test for all, which names each row that fails."""

from collections.abc import Callable, Iterable
from inspect import Signature, signature
from typing import Any, TypeVar

import pytest

Row = TypeVar("Row")


def for_each(
    rows: Iterable[Row], name: Callable[[Row], object] = repr
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Call a test with every row as its first argument, all within one test.

    A row of `pytest.mark.parametrize` costs 3 ms before it does anything. Fixtures are shared.
    """
    table = list(rows)
    assert table

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        def with_every_row(**arguments: Any) -> None:
            failures: list[BaseException] = []
            for row in table:
                try:
                    test(row, **arguments)
                except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - told below
                    error.add_note(f"with {name(row)}")
                    failures.append(error)
            if failures:
                raise BaseExceptionGroup(f"{len(failures)} of {len(table)} rows fail", failures)

        _, *others = signature(test).parameters.values()
        with_every_row.__name__ = test.__name__
        with_every_row.__signature__ = Signature(others)  # type: ignore[attr-defined]
        return with_every_row

    return decorate
