"""What is asked of each version of Landlock: every right that it knows, and none it doesn't."""

import struct

import pytest

from services.evaluator.app.sandbox.jail.landlock import ruleset_for


@pytest.mark.parametrize(
    ("version", "rights"),
    [
        (1, (0x1FFF,)),
        (2, (0x3FFF,)),
        (3, (0x7FFF,)),
        (4, (0x7FFF, 3)),
        (5, (0xFFFF, 3)),
        (6, (0xFFFF, 3, 3)),
        (7, (0xFFFF, 3, 3)),
        (99, (0xFFFF, 3, 3)),
    ],
)
def test_every_right_is_handled(version: int, rights: tuple[int, ...]) -> None:
    assert ruleset_for(version) == struct.pack(f"<{len(rights)}Q", *rights)
