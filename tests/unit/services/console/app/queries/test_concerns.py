"""What needs a person now, by what is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from support.rows import for_each

from services.common.record.surprise import Record
from services.console.app.queries.concerns import Concern, Facts, Run, list_concerns

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
RUN = Run(UUID(int=7), "codes", "held", "x", "provider", None, None, NOW, None)
HEAL_URL = f"/heals/{RUN.id}"
# Every twentieth fails, and then all do.
USUAL = (*[True] * 19, False)
WELL = Facts("codes", 8, outcomes=USUAL * 2, requests=90, last_request_at=NOW)
FAILING = replace(WELL, outcomes=(*[True] * 4, *[False] * 5))
AGES_AGO, JUST_NOW = NOW - timedelta(hours=3), NOW - timedelta(seconds=30)


def tell(concerns: list[Concern]) -> list[tuple[str, str, str]]:
    return [(concern.kind, concern.state, concern.url) for concern in concerns]


@for_each(
    [
        (WELL, []),
        # As many fail as usual: three, and yet nothing new.
        (replace(WELL, outcomes=USUAL * 5), []),
        (
            replace(WELL, outcomes=(*USUAL * 5, *[False] * 9)),
            [("bad", "Failing", "/prompts?task_type=codes")],
        ),
        (replace(WELL, outcomes=(*[True] * 4, False) * 20, own=Record(200, 160)), []),
        (
            replace(WELL, outcomes=(*[True] * 4, False) * 20, previous=Record(200, 198)),
            [("bad", "Failing", "/prompts?task_type=codes")],
        ),
        (replace(WELL, outcomes=(False, False)), []),
        (FAILING, [("bad", "Failing", "/prompts?task_type=codes")]),
        (replace(FAILING, looked_at=RUN), [("bad", "Failing", HEAL_URL)]),
        (
            # Its replays register its text anew.
            replace(FAILING, looked_at=replace(RUN, decision="canary"), trying_since=JUST_NOW),
            [("warn", "A repair serves a share", HEAL_URL)],
        ),
        (replace(FAILING, trying_since=JUST_NOW), [("warn", "A heal is under way", "/heals")]),
        (replace(FAILING, trying_since=AGES_AGO), [("bad", "Failing", "/prompts?task_type=codes")]),
        (replace(FAILING, proposal=RUN), [("bad", "Failing", HEAL_URL)]),
        (replace(WELL, proposal=RUN), [("warn", "Waits for an answer", HEAL_URL)]),
        (replace(WELL, watch_since=NOW), [("info", "Under watch", "/heals")]),
        (
            replace(WELL, watch_since=NOW, watch_run_id=RUN.id),
            [("info", "Under watch", HEAL_URL)],
        ),
        (replace(WELL, rollback=RUN), [("warn", "Rolled back", HEAL_URL)]),
        (replace(WELL, beaten_by=RUN.id), [("warn", "Proven worse", HEAL_URL)]),
        (replace(FAILING, beaten_by=RUN.id), [("bad", "Failing", "/prompts?task_type=codes")]),
        (
            replace(WELL, outcomes=(True, True), unscored=3),
            [("warn", "Unscored", "/requests?task_type=codes&outcome=unscored")],
        ),
        (replace(WELL, unscored=3), []),
        (
            replace(WELL, pending=4, pending_since=AGES_AGO),
            [("warn", "Scores are late", "/evaluator")],
        ),
        (replace(WELL, pending=4, pending_since=JUST_NOW), []),
        (
            replace(WELL, last_request_at=AGES_AGO),
            [("info", "No traffic", "/requests?task_type=codes")],
        ),
        # Nobody has asked for a day: nobody misses it.
        (replace(WELL, requests=0, last_request_at=AGES_AGO), []),
        (replace(WELL, requests=0, last_request_at=None), []),
    ]
)
def test_what_is_known_leads_to_what_is_told(
    row: tuple[Facts, list[tuple[str, str, str]]],
) -> None:
    facts, told = row
    assert tell(list_concerns([facts], now=NOW)) == told


def test_the_gravest_comes_first() -> None:
    everything = replace(
        FAILING,
        watch_since=NOW,
        rollback=RUN,
        unscored=30,
        last_request_at=AGES_AGO,
        task_type="b",
    )
    waiting = replace(WELL, proposal=RUN, task_type="a")
    concerns = list_concerns(
        [waiting, everything], now=NOW, job_since=AGES_AGO, counted_at=AGES_AGO
    )
    assert [(concern.state, concern.task_type) for concern in concerns] == [
        ("Failing", "b"),
        ("Waits for an answer", "a"),
        ("Under watch", "b"),
        ("Rolled back", "b"),
        ("Unscored", "b"),
        ("No traffic", "b"),
        ("Waits", ""),
        ("Old", ""),
    ]


def test_what_the_system_did_just_now_needs_nobody() -> None:
    assert list_concerns([WELL], now=NOW, job_since=JUST_NOW, counted_at=JUST_NOW) == []


def test_every_sentence_has_its_values_and_a_hostile_name_stays_on_its_line() -> None:
    name = "a/b\u202e\n%(x)s"
    facts = replace(
        FAILING,
        task_type=name,
        watch_since=NOW,
        rollback=RUN,
        unscored=30,
        last_request_at=AGES_AGO,
    )
    for concern in list_concerns([facts], now=NOW):
        for text in concern.texts:
            sentence = text % concern.values
            assert "\u202e" not in sentence
            assert "\n" not in sentence
    [failing, *_] = list_concerns([facts], now=NOW)
    assert failing.url == "/prompts?task_type=a%2Fb%E2%80%AE%0A%25%28x%29s"


def test_it_says_whose_fault_a_run_found() -> None:
    [concern] = list_concerns([replace(FAILING, looked_at=RUN)], now=NOW)
    assert "The model's provider is at fault, not the prompt." in concern.texts
