"""A run in a sentence."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.common.models import Prompt
from services.common.record.stored_runs import StoredRun
from services.console.app.queries.traffic import Performance
from services.console.app.story.heal import Story, tell

AT = datetime(2026, 3, 1, 3, tzinfo=UTC)
RUN = StoredRun(
    id=UUID(int=1), task_type="t", decision="promoted", reason="better", verdict="prompt",
    triggered_by="cronjob", resolution=None, resolved_at=None, created_at=AT, report_id=1,
    candidate_id=UUID(int=2), incumbent_prompt_id=1, version=1, after_version=2,
    watched_since=AT, watched_until=None, watch_outcome=None, detail={},
    before_content="old", after_content="new",
)  # fmt: skip
SERVING = Prompt(2, "t", "new", 2, True, None, "optimizer", AT)
GOOD, POOR, NONE = Performance(20, 20, 18, 17), Performance(20, 20, 4, 6), Performance()


def said(run: StoredRun, serving: Prompt | None = SERVING, live: Performance = GOOD,
         recent: Performance = NONE, staleness: str = "") -> tuple[Story, str]:  # fmt: skip
    story = tell(run, serving, live, recent, staleness)
    sentences = [story.headline, *story.sentences]
    return story, " ".join(one.text % one.values if one.values else one.text for one in sentences)


@pytest.mark.parametrize(
    ("run", "live", "kind", "words"),
    [
        pytest.param(RUN, GOOD, "good", "good so far: 90 % of 20", id="watched"),
        pytest.param(
            replace(RUN, watched_until=AT, watch_outcome="kept"), GOOD, "good", "It is good: 90 %",
            id="kept",
        ),
        pytest.param(RUN, POOR, "bad", "isn't good yet: only 20 %", id="poor"),
        pytest.param(RUN, NONE, "info", "Too few answers", id="nothing-counted"),
        pytest.param(
            replace(RUN, decision="proposed", resolution="approved"), GOOD, "good", "Approved:",
            id="approved",
        ),
    ],
)  # fmt: skip
def test_a_text_that_serves_can_be_undone(
    run: StoredRun, live: Performance, kind: str, words: str
) -> None:
    story, text = said(run, live=live)
    assert words in text
    assert story.kind == kind
    assert story.is_undoable


@pytest.mark.parametrize(
    "serving",
    [None, replace(SERVING, id=3, version=3), replace(SERVING, content="edited by hand")],
)
def test_what_no_longer_serves_has_nothing_to_undo(serving: Prompt | None) -> None:
    story, text = said(RUN, serving)
    assert not story.is_undoable
    assert "left to undo" in text


def test_without_the_text_before_nothing_can_be_undone() -> None:
    assert not said(replace(RUN, before_content=None))[0].is_undoable


def test_what_was_undone_says_so() -> None:
    story, text = said(RUN, replace(SERVING, id=3, version=3, content="old"))
    assert not story.is_undoable
    assert "undone: the text before it serves again. Version 3 serves now" in text


def test_a_later_rollback_is_told() -> None:
    run = replace(RUN, watched_until=AT, watch_outcome="rolled_back")
    story, text = said(run, replace(SERVING, version=3))
    assert story.kind == "bad"
    assert "rolled back later" in text
    assert "Version 3 serves now" in text


@pytest.mark.parametrize(
    ("run", "staleness", "kind", "words"),
    [
        pytest.param(
            replace(RUN, decision="held", reason="provider_at_fault"), "", "warn",
            "Look at the provider first", id="held",
        ),
        pytest.param(
            replace(RUN, decision="held", reason="some_new_code"), "", "warn", "some new code",
            id="held-for-an-unknown-reason",
        ),
        pytest.param(
            replace(RUN, decision="held", reason="draft_refused", requested_by="kim"), "", "warn",
            "Change it, and send it through the gate again", id="a-refused-draft",
        ),
        pytest.param(
            replace(RUN, decision="held", reason="not_better", requested_by="kim"), "", "warn",
            "The draft could not be shown to be better", id="a-held-draft",
        ),
        pytest.param(
            replace(RUN, decision="rolled_back"), "", "warn", "serves again", id="rolled-back"
        ),
        pytest.param(
            replace(RUN, decision="proposed"), "", "info", "Nothing has changed yet", id="open"
        ),
        pytest.param(
            replace(RUN, decision="proposed", reason="by_hand"), "", "info",
            "A text in place of version 1 of t waits for another person", id="asked-for-by-hand",
        ),
        pytest.param(
            replace(RUN, decision="proposed"), "version 9 serves now", "warn",
            "can't be approved any more", id="stale",
        ),
        pytest.param(
            replace(RUN, decision="proposed", resolution="rejected"), "", "info", "turned down",
            id="rejected",
        ),
    ],
)  # fmt: skip
def test_what_changed_nothing_says_what_to_do(
    run: StoredRun, staleness: str, kind: str, words: str
) -> None:
    story, text = said(run, recent=GOOD, staleness=staleness)
    assert words in text
    assert (story.kind, story.is_undoable) == (kind, False)
    assert "90 % of 20 answers passed within the last hour" in text
