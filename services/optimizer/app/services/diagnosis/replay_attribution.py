"""Finds whose fault failures are from replays: the prompt's, the inputs', or a drift of the model.
Pure.

`input`, and `unknown` where failures don't recur, are said only where an interval says so. What
can't be told is `unknown` too, and stays open.
"""

from collections.abc import Mapping
from typing import Any

from services.common.record.surprise import Record
from services.optimizer.app.services.diagnosis.attribution import (
    DRIFT,
    EVALUATOR,
    FAULT_UNTOLD,
    INPUT,
    PROMPT,
    UNKNOWN,
    Attribution,
)
from services.optimizer.app.services.diagnosis.norms import (
    find_bar,
    find_good_record,
    find_least,
    served_well_by,
)
from services.optimizer.app.services.diagnosis.rerun import (
    MANY_CLUSTERS,
    SHOWN_GOOD,
    SHOWN_POOR,
    Comparison,
    Replays,
    bound_record,
    is_harder,
    judge_record,
)
from services.optimizer.app.services.log.log_records import Window
from services.optimizer.app.services.proof.replay_results import FAILING, GOLDEN


def attribute_from_replays(window: Window, replays: Replays) -> Attribution:
    """Find whose fault it is, once the prompt was run again on failing and golden inputs."""
    return _Question(window, replays).answer()


class _Question:
    """Whose fault it is: what is known of it, and what follows."""

    def __init__(self, window: Window, replays: Replays) -> None:
        self.window, self.replays = window, replays
        self.failing = replays.passes(replays.incumbent, FAILING)
        self.golden = replays.passes(replays.incumbent, GOLDEN)
        self.all = replays.passes(replays.incumbent, FAILING, GOLDEN)
        past = replays.last_good
        self.bar = find_bar(window, past.record if past else Record())
        self.least = find_least(window, past.record if past else Record())
        self.compared = replays.compare()
        self.models = _models_in(window)
        how = "served well" if past and past.scored else "was never tried"
        self.other = f"version {past.version}, which {how}," if past else ""
        # Without golden inputs the failing ones say what can be said.
        self.health = self._judge(self.golden if self.golden.scored else self.failing)
        self.recurs = is_harder(self.failing, self.golden)

    def answer(self) -> Attribution:
        compared = self.compared
        if self._passes_all():
            return self._tell_no_recurrence()
        if compared is not None and compared.is_shown_better:
            return self._blame_what_changed(compared)
        may_be_better = compared is not None and compared.seems_better
        if self.health == SHOWN_GOOD and not may_be_better:
            return self._clear_the_prompt()
        if self.health == SHOWN_POOR:
            return self._blame_prompt_or_drift(may_be_better)
        return self._blame(
            UNKNOWN,
            f"It can't be told: the prompt passes {self.golden} golden inputs, "
            f"and {self.failing} of those that failed.",
            is_open=True,
            suspects_prompt=True,
        )

    def _passes_all(self) -> bool:
        """Tell whether nothing fails, or no more than is usual where that is shown."""
        if not self.all.failed:
            return True
        seems_worse = self.compared is not None and self.compared.seems_better
        is_usual = self.health == SHOWN_GOOD == self._judge(self.all)
        passes_now = self.failing.pass_rate >= self.bar and not self.recurs
        return is_usual and passes_now and not seems_worse

    def _tell_no_recurrence(self) -> Attribution:
        """Say so; where nothing failed on a few inputs, more of them could still fail."""
        return self._blame(
            UNKNOWN,
            f"The failures did not recur: {self.failing} failing inputs pass now.",
            is_open=self._judge(self.all) != SHOWN_GOOD,
        )

    def _blame_what_changed(self, compared: Comparison) -> Attribution:
        is_few = self.replays.failing_clusters < MANY_CLUSTERS
        if is_few and self.golden.scored and self.health == SHOWN_GOOD:
            # A new rule that an operator deployed looks just like this to the users whom it
            # concerns.
            return self._blame(
                INPUT,
                f"The prompt still passes {self.golden} golden inputs.",
                f"Few kinds of inputs fail: {self.replays.failing_clusters}.",
                f"{self.other[0].upper()}{self.other[1:]} passes them: "
                "whether they are to, a person decides.",
            )
        if is_few and self.golden.scored and self.golden.pass_rate >= self.bar:
            return self._blame(
                UNKNOWN,
                f"Few kinds of inputs fail: {self.replays.failing_clusters}.",
                f"That the prompt still serves can't be told by {self.golden} golden inputs.",
                is_open=True,
                hold_reason=FAULT_UNTOLD,
            )
        return self._blame_for_less(compared)

    def _blame_for_less(self, compared: Comparison) -> Attribution:
        return self._blame(
            PROMPT,
            f"On the same inputs {self.other} passes {compared.old} now, "
            f"and this prompt {compared.new}.",
        )

    def _clear_the_prompt(self) -> Attribution:
        still = f"The prompt still passes {self.golden} golden inputs."
        if not self.recurs:
            return self._blame(
                UNKNOWN,
                still,
                f"Whether it is chance or the inputs can't be told: {self.failing} of those "
                "that failed pass now.",
                is_open=True,
                hold_reason=FAULT_UNTOLD,
            )
        if self.compared is not None:
            old, new = self.compared.old, self.compared.new
            does = f"On what it was asked {self.other} does no better: {old} against {new}."
            return self._blame(INPUT, still, does)
        return self._blame(
            INPUT,
            still,
            f"It fails on what it was asked: {_fails_of(self.failing)} again.",
            "No other prompt is known to have served these inputs well.",
        )

    def _blame_prompt_or_drift(self, may_be_better: bool) -> Attribution:
        compared, window = self.compared, self.window
        fails_too = compared is not None and self._judge(compared.old) == SHOWN_POOR
        if compared is not None and may_be_better and not fails_too:
            return self._blame_for_less(compared)
        past = self.replays.last_good
        if compared is not None and past is not None and past.scored:
            return self._blame(
                DRIFT,
                f"Even {self.other} passes only {compared.old} now, "
                f"and this prompt {compared.new}.",
                *_tell_models(self.models),
            )
        again = (
            f"It fails {_fails_of(self.failing)} failing and "
            f"{_fails_of(self.golden)} golden inputs again."
        )
        served_well = find_good_record(window)
        if served_well is not None:
            return self._blame(
                DRIFT,
                f"The prompt has not changed, and passed {served_well} before.",
                again,
                *_tell_models(self.models),
            )
        if served_well_by(window.earlier_by_others):
            return self._blame(
                EVALUATOR,
                f"Under another evaluator the prompt passed {window.earlier_by_others}.",
                again,
            )
        return self._blame(PROMPT, again, "No prompt is known to have served better.")

    def _judge(self, record: Record) -> str:
        return judge_record(record, self.bar, self.least)

    def _blame(
        self,
        fault: str,
        *because: str,
        is_open: bool = False,
        suspects_prompt: bool = False,
        hold_reason: str = "",
    ) -> Attribution:
        return Attribution(fault, because, self._evidence(), is_open, suspects_prompt, hold_reason)

    def _evidence(self) -> dict[str, Any]:
        failing, golden, earlier = self.failing, self.golden, self.window.earlier
        evidence: dict[str, Any] = {
            "failing_inputs": {
                "run_again": failing.scored,
                "pass_now": failing.passed,
                **bound_record(failing),
            },
            "golden_inputs": {
                "run": golden.scored,
                "pass": golden.passed,
                **bound_record(golden),
            },
            "earlier": {"scored": earlier.scored, "passed": earlier.passed},
            "still_serves_from": round(self.bar, 3),
        }
        if len(self.models) > 1:
            evidence["models"] = self.models
        if self.compared is not None and self.replays.last_good is not None:
            evidence["last_good"] = {
                "version": self.replays.last_good.version,
                "passes": self.compared.old.passed,
                "incumbent_passes": self.compared.new.passed,
                "inputs": self.compared.old.scored,
                "wins": self.compared.wins,
                "losses": self.compared.losses,
            }
        return evidence


def _models_in(window: Window) -> dict[str, dict[str, int]]:
    """Count answers and passes by the model that gave them."""
    results = (*window.results, *window.by_other_models)
    answers: dict[str, dict[str, int]] = {}
    for row in results:
        if row.model:
            counts = answers.setdefault(row.model, {"answers": 0, "passed": 0})
            counts["answers"] += 1
            counts["passed"] += row.passed
    return answers


def _tell_models(models: Mapping[str, Mapping[str, int]]) -> tuple[str, ...]:
    if len(models) < 2:  # noqa: PLR2004 - one model is no change
        return ()
    told = ", ".join(
        f"{name} passed {counts['passed']} of {counts['answers']}"
        for name, counts in models.items()
    )
    return (f"The model changed meanwhile: {told}.",)


def _fails_of(record: Record) -> str:
    return f"{record.failed} of {record.scored}"
