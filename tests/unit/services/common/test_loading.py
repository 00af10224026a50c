import gc

from services.common.loading import loading


def test_garbage_is_looked_for_once_all_is_loaded_and_not_among_that() -> None:
    try:
        with loading():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
