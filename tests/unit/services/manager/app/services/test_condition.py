from datetime import UTC, datetime, timedelta

from support.rows import for_each

from services.manager.app.services.condition import judge_optimizer

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)


@for_each(
    [
        (None, None, "ok", "no trace"),
        (3, None, "ok", "3 minutes ago"),
        (3, 1, "ok", "3 minutes ago"),
        (60 * 50, 30, "warn", "2 days ago; a job waits for 30 minutes"),
        (None, 119, "warn", "no trace; a job waits for 119 minutes"),
    ]
)
def test_an_optimizer_that_takes_no_job_is_missed(
    row: tuple[int | None, int | None, str, str],
) -> None:
    last, waits, result, words = row
    check = judge_optimizer(
        last_at=None if last is None else NOW - timedelta(minutes=last),
        waits_since=None if waits is None else NOW - timedelta(minutes=waits),
        now=NOW,
    )
    assert check.result == result
    assert check.found.endswith(words)
    assert bool(check.remedy) is (result == "warn")
