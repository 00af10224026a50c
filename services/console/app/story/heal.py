"""Tells a run in a sentence: what happened, and whether it is good now. Pure."""

from dataclasses import dataclass, field
from typing import Final

from services.common.models import Prompt
from services.common.presentation.visible_text import make_visible_line
from services.common.presentation.wordings import HOLDS
from services.common.record.healing_runs import BY_HAND
from services.common.record.stored_runs import StoredRun
from services.console.app.queries.traffic import Performance

CHANGED: Final = ("promoted", "approved")
# So few answers say nothing of how a text does now.
LEAST_ANSWERS: Final = 5
HEADLINES: Final = {
    "promoted": "Healed: version %(after)s of %(task_type)s replaced version %(before)s",
    "approved": "Approved: version %(after)s of %(task_type)s replaced version %(before)s",
    "proposed": "A repair of version %(before)s of %(task_type)s waits for an answer",
    BY_HAND: "A text in place of version %(before)s of %(task_type)s waits for another person",
    "rejected": "A repair of version %(before)s of %(task_type)s was turned down",
    "superseded": "A repair of version %(before)s of %(task_type)s was overtaken by another change",
    "canary": "A repair of version %(before)s of %(task_type)s serves a share of the traffic first",
    "held": "Held: version %(before)s of %(task_type)s stays as it is",
    "rolled_back": "Rolled back: version %(before)s of %(task_type)s did worse in service",
}

DRAFT_HELD: Final = (
    "The draft could not be shown to be better than what serves.",
    "See below where it lost; change it, and send it through the gate again.",
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as the templates translate it, and what is filled into it."""

    text: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Story:
    """What is said of a run before anything else.

    Attributes:
        kind: `good`, `warn`, `bad` or `info`.
        is_undoable: Whether what the run activated serves now, and what it replaced is known.
    """

    headline: Sentence
    kind: str
    sentences: tuple[Sentence, ...]
    is_undoable: bool = False


def tell(
    run: StoredRun, serving: Prompt | None, live: Performance, recent: Performance, staleness: str
) -> Story:
    """Tell a run.

    Args:
        serving: What serves the task type now.
        live: How the run's text did in live traffic since it serves.
        recent: How what serves now did within the last hour.
        staleness: Why its proposal can't be approved any more; empty where it can.
    """
    values = {"task_type": run.task_type, "before": _name(run.version)}
    is_by_hand = run.is_open_proposal and run.reason == BY_HAND
    told = HEADLINES[BY_HAND if is_by_hand else run.outcome]
    headline = Sentence(told, values | {"after": _name(run.after_version)})
    now = _tell_now(serving, recent)
    if run.outcome in CHANGED:
        kind, sentence = _tell_change(run, serving, live)
        is_ours = _serves(run, serving)
        is_undoable = is_ours and run.before_content is not None
        return Story(headline, kind, (sentence, *([] if is_ours else now)), is_undoable)
    if run.outcome == "held":
        is_draft = run.requested_by is not None and run.reason == "not_better"
        why = (
            DRAFT_HELD
            if is_draft
            else HOLDS.get(run.reason, (make_visible_line(run.reason.replace("_", " ")),))
        )
        return Story(headline, "warn", (*(Sentence(one) for one in why), *now))
    if run.outcome == "rolled_back":
        back = Sentence("The text that served before it serves again, from that moment on.")
        return Story(headline, "warn", (back, *now))
    if run.is_open_proposal:
        text = (
            "It can't be approved any more, since what serves has changed. Turn it down."
            if staleness
            else "Nothing has changed yet: somebody who may approve has to read it and decide."
        )
        return Story(headline, "warn" if staleness else "info", (Sentence(text), *now))
    return Story(headline, "info", now)


def _tell_change(run: StoredRun, serving: Prompt | None, live: Performance) -> tuple[str, Sentence]:
    if not _serves(run, serving):
        if run.watch_outcome == "rolled_back":
            return "bad", Sentence("It did worse in live traffic, and was rolled back later.")
        is_undone = serving is not None and serving.content == run.before_content
        text = (
            "It was undone: the text before it serves again."
            if is_undone
            else "Another text serves since then, so nothing of it is left to undo."
        )
        return "info", Sentence(text)
    rate = live.pass_rate
    if rate is None or live.scored < LEAST_ANSWERS:
        return "info", Sentence("It serves now. Too few answers have been scored since to tell.")
    values = {"rate": f"{100 * rate:.0f}", "answers": f"{live.scored:,.0f}"}
    if rate < 1 / 2:
        return "bad", Sentence(
            "It isn't good yet: only %(rate)s %% of %(answers)s answers passed since.", values
        )
    if run.is_watched:
        text = (
            "It is good so far: %(rate)s %% of %(answers)s answers passed since. It is being "
            "watched, and is rolled back if it does worse than the version before."
        )
        return "good", Sentence(text, values)
    return "good", Sentence("It is good: %(rate)s %% of %(answers)s answers passed since.", values)


def _tell_now(serving: Prompt | None, recent: Performance) -> tuple[Sentence, ...]:
    """Say what serves now, and how it does."""
    if serving is None:
        return (Sentence("No version serves now."),)
    values = {"version": str(serving.version)}
    if recent.pass_rate is None:
        return (Sentence("Version %(version)s serves now.", values),)
    values |= {"rate": f"{100 * recent.pass_rate:.0f}", "answers": f"{recent.scored:,.0f}"}
    text = (
        "Version %(version)s serves now; %(rate)s %% of %(answers)s answers passed within the "
        "last hour."
    )
    return (Sentence(text, values),)


def _serves(run: StoredRun, serving: Prompt | None) -> bool:
    """Tell whether what serves is what the run activated, by its number and its text."""
    return serving is not None and (serving.version, serving.content) == (
        run.after_version,
        run.after_content,
    )


def _name(version: int | None) -> str:
    return "?" if version is None else str(version)
