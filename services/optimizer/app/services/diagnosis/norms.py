"""Says what is usual: which pass rate still serves, and which record shows a good prompt. Pure."""

from services.common.record.surprise import LEAST_NORMAL_PASS_RATE, Record
from services.optimizer.app.services.diagnosis.attribution import serves_well
from services.optimizer.app.services.log.log_records import GOOD_PASS_RATE, Window
from services.optimizer.app.services.log_analyzer import split_where_it_fell

# Answers that a record needs before it says that a prompt served well.
LEAST_RECORD = 3
# Answers that a record needs before it says what is usual.
LEAST_USUAL = 20
# A prompt that passes so much of what is usual still serves.
USUAL_SHARE = 0.75
# A prompt that always passed so little is no norm, but it isn't shown to have got worse either.
LEAST_RATE = 0.35


def find_bar(window: Window, last_good: Record, least: float = LEAST_NORMAL_PASS_RATE) -> float:
    """Find the pass rate from which on a prompt still serves: a good one, or near what is usual.

    A model that passes six of ten under a prompt that serves isn't broken at five.

    Args:
        last_good: How the last good prompt did while it served.
        least: What a record has to pass to say what is usual, in [0, 1].

    Returns:
        At most 0.7.
    """
    usual = [
        record.pass_rate
        for record in (window.earlier, split_where_it_fell(window.results)[0], last_good)
        if _is_norm(record, least)
    ]
    return min(GOOD_PASS_RATE, USUAL_SHARE * max(usual, default=1.0))


def find_least(window: Window, last_good: Record) -> float:
    """Find the pass rate below which a prompt is broken, at most the bar: one that always passed
    little isn't shown to have got worse.
    """
    return min(find_bar(window, last_good), find_bar(window, last_good, LEAST_RATE))


def find_good_record(window: Window) -> Record | None:
    """Find how the prompt did while it served well: before the window, or in its first part.

    Where another model answered then, it is that which has changed.
    """
    others = [row.passed for row in window.by_other_models]
    before = window.earlier_by_other_models
    records = (
        window.earlier,
        split_where_it_fell(window.results)[0],
        Record(before.scored + len(others), before.passed + sum(others)),
    )
    return next(filter(_is_good, records), None)


def _is_good(record: Record) -> bool:
    return served_well_by(record) or _is_norm(record)


def served_well_by(record: Record) -> bool:
    """Tell whether a prompt served well by a record that says enough."""
    return record.scored >= LEAST_RECORD and serves_well(record)


def _is_norm(record: Record, least: float = LEAST_NORMAL_PASS_RATE) -> bool:
    return record.scored >= LEAST_USUAL and record.pass_rate >= least
