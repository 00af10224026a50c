"""The line that people are told: what happened, why, and what to do about it."""

from dataclasses import replace

import pytest
from support.notifications import HEALED, HELD

from services.optimizer.app.services.telling.notification import Notification
from services.optimizer.app.services.telling.wording import compose_text


@pytest.mark.parametrize(
    ("notification", "words"),
    [
        (replace(HEALED, task_type="letters"), "Undo: selfheal prompts activate 99 -t letters"),
        (replace(HEALED, before_version=None), "See: selfheal reports show 3f2c9a71"),
        (replace(HEALED, passed_after=None), "(prompt at fault). Undo"),
        (replace(HEALED, event="proposed"), "Answer: selfheal prompts approve 3f2c9a71"),
        (Notification("canary_step", "a", version=99, share=0.5), "serves 50 % of the traffic now"),
        (
            Notification("canary_aborted", "a", version=99, reason="canary_worse"),
            "a: the repair that served a share of the traffic was taken back (worse); version 99",
        ),
        (Notification("canary_waits", "a", version=99), "too few answers came to decide"),
        (Notification("watch_waits", "a", version=100), "version 100 has been watched for a day"),
        (replace(HELD, reason="no_repair_found"), "a person has to act"),
        (replace(HELD, fault="provider"), "stays (provider at fault); no better candidate."),
        (
            replace(HELD, fault="input", reason="input_at_fault"),
            "held: version 99 stays (input at fault).",
        ),
        (
            replace(HEALED, event="rolled_back", fault="", reason="worse_in_live_traffic"),
            "text serves again as version 100. Undo: selfheal prompts activate 99; see: selfheal",
        ),
        (replace(HELD, event="evaluator_degraded"), "nothing is repaired"),
        (replace(HELD, event="healing_failed", reason="worker_failed"), "failed (worker failed)"),
        (
            Notification("test", "", requested_by="al\nice\u202e"),
            "A test message, asked for by al ice: messages arrive here.",
        ),
    ],
)
def test_the_line_says_what_to_do(notification: Notification, words: str) -> None:
    assert words in compose_text(notification)


def test_the_line_is_one_line_that_can_be_seen() -> None:
    text = compose_text(replace(HELD, task_type="a\nb\x1b[31m\u202e", reason="r" * 10_000))
    assert text.isprintable()
    assert len(text) < 500
