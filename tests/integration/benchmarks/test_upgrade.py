"""The benchmark of upgrades tells of a database that fails under its load."""

import pytest

from benchmarks import upgrade
from services.common.errors import DatabaseUnavailableError


async def test_what_fails_under_load_is_raised_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrade, "BEFORE_SECONDS", 0)
    with pytest.raises(DatabaseUnavailableError):
        await upgrade.upgrade_under_load("postgresql://nobody@127.0.0.1:1/none")
