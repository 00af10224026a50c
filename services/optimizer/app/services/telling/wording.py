"""Words a notification: one line that says what happened, why, and what to do about it. Pure."""

from typing import Final

from services.common.record.outcomes import CANARY, HELD, PROPOSED, ROLLED_BACK
from services.common.text import make_printable_line
from services.optimizer.app.services.diagnosis.incident import NO_REPAIR
from services.optimizer.app.services.telling.notification import (
    CANARY_ABORTED,
    CANARY_STEP,
    CANARY_WAITS,
    EVALUATOR_CHANGED,
    EVALUATOR_DEGRADED,
    EVALUATOR_DOWN,
    HEALED,
    HEALING_FAILED,
    TEST,
    WATCH_WAITS,
    Notification,
)

DEFAULT_TASK_TYPE: Final = "code_generation"
MAX_WORDS: Final = 160
# By the event, or by the reason where one has a sentence of its own.
SENTENCES: Final = {
    HEALED: "{name} healed: version {version} replaced {before}{fault}{rates}.{undo}",
    PROPOSED: "{name}: a repair of version {failing} is proven and waits for you{fault}{rates}. "
    "Answer: {answer}",
    CANARY: "{name}: a repair of version {version} is proven and serves a share of the traffic "
    "first{fault}{rates}. See: selfheal canary list",
    CANARY_STEP: "{name}: the repair of version {version} was shown to be no worse, and serves "
    "{share} of the traffic now. See: selfheal canary show",
    CANARY_ABORTED: "{name}: the repair that served a share of the traffic was taken back "
    "({reason}); version {version} serves.{look}",
    CANARY_WAITS: "{name}: the repair of version {version} has served its share of the traffic "
    "for a day: too few answers came to decide, or a person has to. See: selfheal canary show",
    WATCH_WAITS: "{name}: version {version} has been watched for a day, and too few answers came "
    "to tell whether it does worse than the one before. See: selfheal status",
    NO_REPAIR: "{name}: no repair found for version {version}, and no further heal begins by "
    "itself; a person has to act.{look}",
    HELD: "{name} held: version {version} stays{fault}{but}.{look}",
    ROLLED_BACK: "{name} rolled back: version {before} did worse in live traffic than the one "
    "before it, whose text serves again as version {version}.{undo}",
    "lenient": "{evaluator} lets wrong answers pass that it didn't before; nothing is repaired.",
    "harsh": "{evaluator} fails right answers that it didn't before; nothing is repaired.",
    EVALUATOR_DEGRADED: "{evaluator} judges otherwise than it did; nothing is repaired.",
    EVALUATOR_DOWN: "{evaluator} gives no scores; nothing is repaired until it does.",
    EVALUATOR_CHANGED: "{evaluator} was changed, and scores fell with that; no prompt is repaired.",
    HEALING_FAILED: "{name}: healing failed{why}; version {version} stays.",
    TEST: "A test message, asked for by {person}: messages arrive here.",
}
# Where to look, if no run tells of it.
PLACES: Final = {
    **dict.fromkeys(
        (EVALUATOR_DEGRADED, EVALUATOR_DOWN, EVALUATOR_CHANGED),
        "selfheal logs --service evaluator",
    ),
    HEALING_FAILED: "selfheal status",
}


def compose_text(it: Notification) -> str:
    """Compose one line for people."""
    own = {(HELD, NO_REPAIR), (EVALUATOR_DEGRADED, "lenient"), (EVALUATOR_DEGRADED, "harsh")}
    sentence = SENTENCES[it.reason if (it.event, it.reason) in own else it.event]
    name, fault, reason = _words(it.task_type), _fault(it), _code_words(it.reason)
    is_said = fault and it.reason == f"{it.fault}_at_fault"
    text = sentence.format(
        name=name,
        version=_version(it.version),
        before=_version(it.before_version),
        failing=_version(it.version if it.before_version is None else it.before_version),
        fault=fault,
        rates=_rates(it),
        reason=_code_words(it.reason.removeprefix("canary_")),
        but="" if is_said else f"; {reason or 'no reason given'}",
        why=f" ({reason})" if reason else "",
        share="a larger share" if it.share is None else f"{100 * it.share:g} %",
        answer=f"selfheal prompts approve {it.run_id[:8]}".rstrip(),
        evaluator=f"{name}: the Evaluator" if it.task_type else "The Evaluator",
        person=_words(it.requested_by),
        look=_look(it),
        undo=_undo(it),
    )
    return text + (_look(it) or f" See: {PLACES[it.event]}") if it.event in PLACES else text


def _version(version: int | None) -> str:
    return "?" if version is None else str(version)


def _undo(it: Notification) -> str:
    if it.before_version is None:
        return _look(it)
    task_type = _words(it.task_type)
    option = "" if task_type == DEFAULT_TASK_TYPE else f" -t {task_type}"
    undo = f" Undo: selfheal prompts activate {it.before_version}{option}"
    return f"{undo}; see: {_look_command(it)}" if it.run_id else undo


def _look(it: Notification) -> str:
    return f" See: {_look_command(it)}" if it.run_id else ""


def _look_command(it: Notification) -> str:
    return f"selfheal reports show {it.run_id[:8]}"


def _fault(it: Notification) -> str:
    fault = _code_words(it.fault)
    if not fault or fault == "unknown":
        return ""
    return f" ({fault})" if fault == "drift" else f" ({fault} at fault)"


def _rates(it: Notification) -> str:
    before, after = it.passed_before, it.passed_after
    if before is None or after is None or not it.pairs:
        return ""
    return f"; passes on {it.pairs} replayed inputs {before} -> {after}"


def _code_words(code: str) -> str:
    """Turn a code into words."""
    return _words(code).replace("_", " ")


def _words(text: str) -> str:
    """Put a name on one line: leave out what can't be seen, cut what is long."""
    line = make_printable_line(text)
    return line if len(line) <= MAX_WORDS else line[: MAX_WORDS - 1] + "…"
