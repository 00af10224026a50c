"""Finds whose fault failures are, if it can be told: the prompt's, the provider's, the evaluator's,
the inputs', or a drift of the model. Pure, over log rows and replays.

Only a fault of `prompt` or `drift` leads to candidates. Errors count by type and code, never by
what they say.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.common.errors import DeadlinePassedError
from services.common.record.surprise import Record
from services.optimizer.app.services.log.log_records import (
    GOOD_PASS_RATE,
    UnscoredCount,
    Window,
)
from services.optimizer.app.services.log_analyzer import FailureAnalysis, split_where_it_fell
from services.optimizer.app.services.proof.replay_results import (
    FAILING,
    GOLDEN,
    ReplayInput,
    ReplayResult,
)

PROMPT, PROVIDER, EVALUATOR = "prompt", "provider", "evaluator"
INPUT, DRIFT, UNKNOWN = "input", "drift", "unknown"
# A few odd inputs are of fewer kinds than this, however often they come.
MANY_CLUSTERS = 3
# Answers that a record needs before it says that a prompt served well.
LEAST_RECORD = 3
WORKER, EVALUATOR_SERVICE = "worker", "evaluator"
# Codes of an Evaluator that is well but can't judge this answer.
BLAMELESS_CODES = frozenset({"not_judgeable", DeadlinePassedError.code})


@dataclass(frozen=True, slots=True)
class Attribution:
    """Whose fault the failures are, and why that is believed.

    Attributes:
        fault: `prompt`, `provider`, `evaluator`, `input`, `drift` or `unknown`.
    """

    fault: str
    because: tuple[str, ...]
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cause(self) -> str:
        """What is wrong with an Evaluator at fault: `down`, `degraded` or `changed`; else empty."""
        if self.fault != EVALUATOR:
            return ""
        if "evaluator_errors" in self.evidence:
            return "down"
        return "degraded" if "degraded" in self.evidence else "changed"

    @property
    def calls_for_repair(self) -> bool:
        """Whether a better prompt could be the answer."""
        return self.fault in (PROMPT, DRIFT)

    def as_json(self) -> dict[str, Any]:
        """Give it as the report has it."""
        return {
            "verdict": self.fault,
            "because": list(self.because),
            "evidence": dict(self.evidence),
        }


@dataclass(frozen=True, slots=True)
class Replays:
    """What the prompts do when they are run again on the choosing inputs.

    Attributes:
        incumbent: Results of the prompt that fails, by input id.
        last_good: Results of the last prompt that served well; None where there is none.
        last_good_served: Whether its own answers say that it served well; else it was never tried.
    """

    inputs: Sequence[ReplayInput]
    incumbent: Mapping[str, ReplayResult]
    last_good: Mapping[str, ReplayResult] | None = None
    last_good_version: int | None = None
    last_good_served: bool = True
    failing_clusters: int = MANY_CLUSTERS

    def passes(self, results: Mapping[str, ReplayResult], source: str) -> Record:
        """Count how many inputs from one source a prompt passes."""
        known = [
            results[item.id].passed
            for item in self.inputs
            if item.source == source and item.id in results
        ]
        return Record(len(known), sum(known))


def attribute_from_log(
    window: Window, analysis: FailureAnalysis, *, evaluator_degraded: bool = False
) -> Attribution | None:
    """Find whose fault it is where the log alone tells; None where it takes replays."""
    provider = _count_unscored(window.unscored, WORKER)
    evaluator = _count_unscored(window.unscored, EVALUATOR_SERVICE)
    if evaluator_degraded and analysis.failure_count:
        return blame_degraded_evaluator()
    changed = _find_changed_evaluator(window)
    if changed is not None and analysis.reaches_floor:
        return changed
    if analysis.reaches_floor:
        return None
    threshold = analysis.threshold
    if provider.total() >= max(threshold, evaluator.total()):
        return _blame(
            PROVIDER,
            {"worker_errors": dict(provider)},
            f"{provider.total()} requests got no answer: {_list(provider)}.",
        )
    if evaluator.total() >= threshold:
        return _blame(
            EVALUATOR,
            {"evaluator_errors": dict(evaluator)},
            f"{evaluator.total()} answers got no score: {_list(evaluator)}.",
        )
    return None


def blame_degraded_evaluator() -> Attribution:
    """Blame an Evaluator by whose scores nothing can be proven."""
    return _blame(
        EVALUATOR,
        {"degraded": True},
        "The Evaluator's canaries say that it no longer judges as it did.",
    )


def attribute_from_replays(window: Window, replays: Replays) -> Attribution:
    """Find whose fault it is, once the prompt was run again on failing and golden inputs."""
    failing = replays.passes(replays.incumbent, FAILING)
    golden = replays.passes(replays.incumbent, GOLDEN)
    evidence: dict[str, Any] = {
        "failing_inputs": {"run_again": failing.scored, "pass_now": failing.passed},
        "golden_inputs": {"run": golden.scored, "pass": golden.passed},
        "earlier": {"scored": window.earlier.scored, "passed": window.earlier.passed},
    }
    models = _models_in(window)
    if len(models) > 1:
        evidence["models"] = models
    if failing.scored == failing.passed and _serves_well(golden):
        return _blame(
            UNKNOWN,
            evidence,
            f"The failures did not recur: {_of(failing)} failing inputs pass now.",
        )
    compared = _compare_with_last_good(window, replays, evidence)
    if compared is not None:
        return compared
    if _serves_well(golden) and golden.scored:
        return _blame(
            INPUT,
            evidence,
            f"The prompt still passes {_of(golden)} golden inputs.",
            f"It fails on what it was asked: {_fails_of(failing)} again.",
            "No other prompt is known to have served these inputs well.",
        )
    again = f"It fails {_fails_of(failing)} failing and {_fails_of(golden)} golden inputs again."
    served_well = _find_good_record(window)
    if served_well is not None:
        return _blame(
            DRIFT,
            evidence,
            f"The prompt has not changed, and passed {_of(served_well)} before.",
            again,
            *_tell_models(models),
        )
    if _is_good(window.earlier_by_others):
        return _blame(
            EVALUATOR,
            evidence,
            f"Under another evaluator the prompt passed {_of(window.earlier_by_others)}.",
            again,
        )
    return _blame(PROMPT, evidence, again, "No prompt is known to have served better.")


def _compare_with_last_good(
    window: Window, replays: Replays, evidence: dict[str, Any]
) -> Attribution | None:
    """Tell whose fault the comparison shows it to be; None where it shows nothing."""
    last_good = replays.last_good
    if last_good is None:
        return None
    shared = [item.id for item in replays.inputs if item.id in replays.incumbent.keys() & last_good]
    golden = replays.passes(replays.incumbent, GOLDEN)
    old = Record(len(shared), sum(last_good[name].passed for name in shared))
    new = Record(len(shared), sum(replays.incumbent[name].passed for name in shared))
    evidence["last_good"] = {
        "version": replays.last_good_version,
        "passes": old.passed,
        "incumbent_passes": new.passed,
        "inputs": old.scored,
    }
    how = "served well" if replays.last_good_served else "was never tried"
    name = f"version {replays.last_good_version}, which {how},"
    still_serves = golden.scored > 0 and _serves_well(golden)
    is_better = old.passed > new.passed
    if is_better and still_serves and replays.failing_clusters < MANY_CLUSTERS:
        # A new rule that an operator deployed looks just like this to the users whom it concerns.
        return _blame(
            INPUT,
            evidence,
            f"The prompt still passes {_of(golden)} golden inputs.",
            f"Few kinds of inputs fail: {replays.failing_clusters}.",
            f"{name[0].upper()}{name[1:]} passes them: whether they are to, a person decides.",
        )
    if is_better:
        return _blame(
            PROMPT,
            evidence,
            f"On the same inputs {name} passes {_of(old)} now, and this prompt {_of(new)}.",
        )
    if still_serves:
        return _blame(
            INPUT,
            evidence,
            f"The prompt still passes {_of(golden)} golden inputs.",
            f"On what it was asked {name} does no better: {_of(old)} against {_of(new)}.",
        )
    if not replays.last_good_served:
        return None
    models = _models_in(window)
    return _blame(
        DRIFT,
        evidence,
        f"Even {name} passes only {_of(old)} now, and this prompt {_of(new)}.",
        *_tell_models(models),
    )


def _find_changed_evaluator(window: Window) -> Attribution | None:
    """Blame the evaluator where scores fell when it changed, with the prompt as it was."""
    current = window.results[0].fingerprint if window.results else ""
    before = [row.passed for row in window.results if row.fingerprint != current]
    now = [row.passed for row in window.results if row.fingerprint == current]
    earlier = Record(
        len(before) + window.earlier_by_others.scored, sum(before) + window.earlier_by_others.passed
    )
    later = Record(len(now), sum(now))
    if not before or not _serves_well(earlier) or _serves_well(later):
        return None
    return _blame(
        EVALUATOR,
        {"passed_before": earlier.passed, "passed_since": later.passed, "fingerprint": current},
        "The evaluator changed while this prompt served.",
        f"Before that {_of(earlier)} answers passed, since then {_of(later)}.",
    )


def _blame(fault: str, evidence: Mapping[str, Any], *because: str) -> Attribution:
    return Attribution(fault, because, evidence)


def _count_unscored(unscored: Sequence[UnscoredCount], service: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in unscored:
        if row.service == service and row.code not in BLAMELESS_CODES:
            counts[row.code] += row.times
    return counts


def _find_good_record(window: Window) -> Record | None:
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
    return record.scored >= LEAST_RECORD and _serves_well(record)


def _serves_well(record: Record) -> bool:
    return not record.scored or record.pass_rate >= GOOD_PASS_RATE


def _models_in(window: Window) -> dict[str, dict[str, int]]:
    """Count answers and passes by the model that gave them."""
    results = (*window.results, *window.by_other_models)
    answers = Counter(row.model for row in results if row.model)
    passed = Counter(row.model for row in results if row.passed)
    return {model: {"answers": answers[model], "passed": passed[model]} for model in answers}


def _tell_models(models: Mapping[str, Mapping[str, int]]) -> tuple[str, ...]:
    if len(models) < 2:  # noqa: PLR2004 - one model is no change
        return ()
    told = ", ".join(
        f"{name} passed {counts['passed']} of {counts['answers']}"
        for name, counts in models.items()
    )
    return (f"The model changed meanwhile: {told}.",)


def _of(record: Record) -> str:
    return f"{record.passed} of {record.scored}"


def _fails_of(record: Record) -> str:
    return f"{record.failed} of {record.scored}"


def _list(counts: Counter[str]) -> str:
    return ", ".join(f"{code} ({times}x)" for code, times in counts.most_common())
