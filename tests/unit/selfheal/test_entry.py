import gc
from unittest.mock import patch

from selfheal import entry
from selfheal.cli import main


def test_a_command_looks_for_garbage_but_not_among_what_was_loaded() -> None:
    found = []
    try:
        with patch.object(
            main, "app", lambda: found.append((gc.isenabled(), gc.get_freeze_count()))
        ):
            entry.main()
    finally:
        gc.unfreeze()
    [(is_enabled, frozen)] = found
    assert is_enabled
    assert frozen > 0
