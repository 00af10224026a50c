from datetime import UTC, datetime

from support.rows import for_each

from services.common.llm.retries import RetryBudget, read_pause_seconds

NOW = datetime(2026, 10, 21, 7, 28, tzinfo=UTC)


@for_each(
    [
        ({}, None),
        ({"Retry-After": "3"}, 3),
        ({"Retry-After": " 0.5 "}, 0.5),
        ({"Retry-After": "-5"}, 0),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, float("inf")),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:07 GMT"}, 7),
        ({"Retry-After": "Wednesday, 21-Oct-26 07:28:07 GMT"}, 7),
        ({"Retry-After": "Wed, 21 Oct 2026 09:28:07 +0200"}, 7),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:07"}, 7),
        ({"Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT"}, None),
        ({"Retry-After": "Wed, 99 Oct 2026 07:28:07 GMT"}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:07 +9999999999"}, None),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5),
        ({"retry-after-ms": "soon", "Retry-After": "9"}, 9),
    ]
)
def test_a_pause_is_read_in_every_form(row: tuple[dict[str, str], float | None]) -> None:
    headers, seconds = row

    assert read_pause_seconds(headers, NOW) == seconds


def test_retries_are_a_tenth_of_the_requests_and_ten_may_be_had_ahead() -> None:
    budget = RetryBudget()
    retries = 0
    for _ in range(1_000):
        budget.deposit()
        retries += sum(budget.withdraw() for _ in range(2))

    assert retries == 10 + 1_000 // 10 - 1


def test_what_is_not_spent_does_not_pile_up() -> None:
    budget = RetryBudget()
    for _ in range(1_000):
        budget.deposit()

    assert sum(budget.withdraw() for _ in range(100)) == 10
