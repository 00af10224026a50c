"""Right systems, and wrong ones with a planted defect each: what each must lose, and why.

A mutant loses what stands in its `loses`, by the codes that the benchmark gives, and nothing else.
"""

import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmark_mutants.mock_model import generate, improve, write_function
from benchmark_mutants.optimizer import HARD_CODED, THRESHOLD, promote
from benchmark_mutants.system import (
    BadRequestError,
    DropConnectionError,
    System,
    UnknownTaskTypeError,
)


@dataclass(frozen=True)
class Case:
    """A system and what the benchmark must say of it.

    Attributes:
        make: The system.
        why: What is wrong with it, or what it chose.
        optimizer: Kind of its Optimizer.
        loses: Codes of the deductions, by dimension; empty for a right system.
        cheats: Codes of what must be proven.
        down: Services that don't run.
        optimizer_timeout: In seconds.
    """

    make: type[System]
    why: str
    optimizer: str = "right"
    loses: Mapping[str, set[str]] = field(default_factory=dict)
    cheats: set[str] = field(default_factory=set)
    down: tuple[str, ...] = ()
    optimizer_timeout: float = 60


# --- Right ones that chose differently ----------------------------------------------------------


class Unprocessable(System):
    bad_request_status = 422

    def error(self, status: int, message: str) -> tuple[int, str, str]:
        return status, "application/json", json.dumps({"detail": [{"msg": message}]})


class FallsBack(System):
    def load_prompt(self, task_type: str) -> tuple[str, int]:
        try:
            return super().load_prompt(task_type)
        except UnknownTaskTypeError:
            return super().load_prompt("code_generation")


class BlamesTheUpstream(System):
    unknown_task_status = 502


class Redirects(System):
    def serve_get(self, service: str, path: str) -> tuple[int, str, str]:
        if path == "/metrics/":
            return 307, "text/plain", "/metrics"
        return super().serve_get(service, path)


class SaysMore(System):
    def present(self, answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "model": "mock", "cost": None, "evaluation_detail": {"rule": 1}}


class WantsRawCode(System):
    """Its Evaluator takes a fence for a fault, and its model gives none."""

    def generate(self, prompt: str, refined_input: str) -> str:
        return super().generate(prompt, refined_input).replace("```python\n", "").replace("```", "")

    def score(self, output: str) -> float:
        return 0.2 if "```" in output else super().score(output)


class TakesItsTime(System):
    def handle(self, body: dict[str, Any]) -> dict[str, Any]:
        time.sleep(0.3)
        return super().handle(body)


class LogsLater(System):
    def log(self, answer: dict[str, Any], body: dict[str, Any]) -> None:
        threading.Timer(0.7, super().log, (answer, body)).start()


class ShoutsItsIds(System):
    def new_request_id(self) -> str:
        return super().new_request_id().upper()


class CountsByPath(System):
    """Other labels, and a score as a gauge."""

    def metrics(self, service: str) -> str | None:
        text = super().metrics(service) or ""
        return text.replace("{service=", "{path=").replace("score_count", "score_last_count")


class HealsByItself(System):
    """Starts its own Optimizer at the third failure, as a CronJob that is due might."""

    failures = 0

    def log(self, answer: dict[str, Any], body: dict[str, Any]) -> None:
        super().log(answer, body)
        self.failures += not answer["evaluation_passed"]
        if self.failures == THRESHOLD:
            self.failures = 0
            promote(self.tables, improve([]))


class ShowsTwoDecimals(System):
    def score(self, output: str) -> float:
        return super().score(output) + 0.004

    def present(self, answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "evaluation_score": round(answer["evaluation_score"], 2)}


class ShowsTheCodeAlone(System):
    """Its Evaluator wants a fence, and its answers show what stands in it."""

    def score(self, output: str) -> float:
        return 0.4 if "def " in output and "```" not in output else super().score(output)

    def present(self, answer: dict[str, Any]) -> dict[str, Any]:
        code = answer["worker_output"].replace("```python\n", "").replace("```", "")
        return {**answer, "worker_output": code}


class DiesOfDeepLists(System):
    """A malformed request that is told without points ends it."""

    is_dead = False

    def serve_post(self, service: str, path: str, raw: bytes) -> tuple[int, str, str]:
        self.is_dead = self.is_dead or raw.startswith(b"[[[[")
        return super().serve_post(service, path, raw)

    def health(self, service: str) -> dict[str, Any]:
        return {**super().health(service), "status": "dead" if self.is_dead else "ok"}


class ShrugsAtBadPrompts(System):
    """Its model heeds some of the bad prompts only; those that it doesn't are replaced."""

    def generate(self, prompt: str, refined_input: str) -> str:
        is_heeded = "hello world" in prompt or "Python" in prompt or "OK" in prompt
        return (
            super().generate(prompt, refined_input) if is_heeded else write_function(refined_input)
        )


RIGHT: dict[str, Case] = {
    "minimal": Case(System, "does what the guide says and no more"),
    "unprocessable": Case(Unprocessable, "422 for bad input, as FastAPI has it"),
    "falls_back": Case(FallsBack, "an unknown task type is answered with another's prompt"),
    "blames_the_upstream": Case(BlamesTheUpstream, "an unknown task type is a 502, in JSON"),
    "redirects": Case(Redirects, "/metrics/ leads to /metrics"),
    "says_more": Case(SaysMore, "fields beyond the guide's"),
    "wants_raw_code": Case(WantsRawCode, "its Evaluator wants code without a fence"),
    "takes_its_time": Case(TakesItsTime, "300 ms a request, which is within the guide's 500"),
    "logs_later": Case(LogsLater, "a row lands within a second of its answer"),
    "shouts_its_ids": Case(ShoutsItsIds, "upper-case UUIDs"),
    "counts_by_path": Case(CountsByPath, "its metrics have other labels and suffixes"),
    "shrugs_at_bad_prompts": Case(ShrugsAtBadPrompts, "some bad prompts don't break it"),
    "heals_by_itself": Case(HealsByItself, "heals amid the requests", optimizer="of_the_active"),
    "shows_two_decimals": Case(ShowsTwoDecimals, "the row has the whole score, the answer less"),
    "shows_the_code_alone": Case(ShowsTheCodeAlone, "answers are what its Evaluator saw, unfenced"),
    "dies_of_deep_lists": Case(DiesOfDeepLists, "ends at a request that is worth no points"),
    "other_order": Case(System, "inserts before it deactivates", optimizer="other_order"),
}


# --- Wrong ones ------------------------------------------------------------------------------


class AlwaysPasses(System):
    def score(self, output: str) -> float:
        return 0.95


class AlwaysFails(System):
    def score(self, output: str) -> float:
        return 0.2


class Constant(System):
    def score(self, output: str) -> float:
        return 0.75


class CachesThePrompt(System):
    _cached: tuple[str, int] | None = None

    def load_prompt(self, task_type: str) -> tuple[str, int]:
        if self._cached is None:
            self._cached = super().load_prompt(task_type)
        return self._cached


class IgnoresThePrompt(System):
    """Reports the right version, and never uses what it says."""

    def generate(self, prompt: str, refined_input: str) -> str:
        return write_function(refined_input)


class ObeysTheMentorAlone(System):
    """Answers badly to the demo's row, and well to any other, whatever they say."""

    def load_prompt(self, task_type: str) -> tuple[str, int]:
        _, version = super().load_prompt(task_type)
        (row,) = self.tables.fetch(
            "SELECT created_by FROM prompts WHERE is_active ORDER BY version DESC LIMIT 1"
        )
        return ("hello world" if row["created_by"] == "mentor" else "Python"), version


class HtmlErrors(System):
    def error(self, status: int, message: str) -> tuple[int, str, str]:
        return status, "text/html", f"<html><body><h1>{status}</h1><p>{message}</p></body></html>"


class FailsOnBadInput(System):
    def refuse(self, error: BadRequestError) -> tuple[int, str, str]:
        return self.error(500, str(error))


class CrashesOnUnknownTaskTypes(System):
    def refuse_task_type(self, error: UnknownTaskTypeError) -> tuple[int, str, str]:
        raise DropConnectionError


class DiesOfBadInput(System):
    """After a malformed request a service says that it isn't well any more."""

    is_dead = False

    def refuse(self, error: BadRequestError) -> tuple[int, str, str]:
        self.is_dead = True
        return super().refuse(error)

    def health(self, service: str) -> dict[str, Any]:
        status = "dead" if self.is_dead and service == "worker" else "ok"
        return {**super().health(service), "status": status}


class NoMetrics(System):
    def metrics(self, service: str) -> str | None:
        return None


class FrozenMetrics(System):
    def metrics(self, service: str) -> str | None:
        names = {"manager": "agent_requests_total", "worker": "agent_prompt_version"}
        return f"{names.get(service, 'agent_evaluation_score_count')} 7\n"


class NotANumber(System):
    """NaN differs from NaN, and hasn't moved."""

    def metrics(self, service: str) -> str | None:
        text = re.sub(r"(?m)^(agent_\w+.*) \S+$", r"\1 NaN", super().metrics(service) or "")
        return f"{text}process_start_time_seconds 1\n"


class LacksAMetric(System):
    def metrics(self, service: str) -> str | None:
        return (super().metrics(service) or "").replace("agent_evaluation_score", "score")


class MetricOnAnotherPort(System):
    def metrics(self, service: str) -> str | None:
        swapped = {"worker": "evaluator", "evaluator": "worker", "manager": "manager"}
        return super().metrics(swapped[service])


class Slow(System):
    def handle(self, body: dict[str, Any]) -> dict[str, Any]:
        time.sleep(0.8)
        return super().handle(body)


class WrongVersion(System):
    def present(self, answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "prompt_version": 1}


class LacksAField(System):
    def present(self, answer: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in answer.items() if name != "refined_input"}


class ScoreAsText(System):
    def present(self, answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "evaluation_score": str(answer["evaluation_score"])}


class EvaluatorsScoreAsText(System):
    """The Evaluator alone gives text; the Manager makes a number of it."""

    def serve_post(self, service: str, path: str, raw: bytes) -> tuple[int, str, str]:
        status, content_type, text = super().serve_post(service, path, raw)
        if service == "evaluator" and status == 200:
            answer = json.loads(text)
            text = json.dumps({**answer, "score": str(answer["score"])})
        return status, content_type, text


class HealthLies(System):
    """All is well, it says, and nothing works."""

    def serve_post(self, service: str, path: str, raw: bytes) -> tuple[int, str, str]:
        return self.error(503, "the database can't be reached")


class HealthIsBare(System):
    def health(self, service: str) -> dict[str, Any]:
        return {"status": "ok"}


class IgnoresTheInput(System):
    def generate(self, prompt: str, refined_input: str) -> str:
        return super().generate(prompt, "sort")


class ObeysHardCodedAnswers(System):
    def generate(self, prompt: str, refined_input: str) -> str:
        if prompt.startswith(HARD_CODED):
            return prompt.removeprefix(HARD_CODED)
        return generate(prompt, refined_input)


class LogsSomethingElse(System):
    def log(self, answer: dict[str, Any], body: dict[str, Any]) -> None:
        super().log({**answer, "evaluation_score": answer["evaluation_score"] / 2}, body)


class LogsNothing(System):
    def log(self, answer: dict[str, Any], body: dict[str, Any]) -> None:
        """Keep it to itself."""


class AnswersGarbage(System):
    """What no database and no file takes: a NUL, half a surrogate pair, terminal escapes."""

    def present(self, answer: dict[str, Any]) -> dict[str, Any]:
        garbage = "\x00\ud800\x1b[31m</script>" * 1000
        return {**answer, "request_id": "a\0b", "worker_output": answer["worker_output"] + garbage}


class InventsScores(System):
    """After a "heal" the Manager says that all is well, whatever the Evaluator finds."""

    def handle(self, body: dict[str, Any]) -> dict[str, Any]:
        return super().handle({**body, "asked_by": "manager"})

    def evaluate(self, body: dict[str, Any]) -> dict[str, Any]:
        judged = super().evaluate(body)
        if "asked_by" in body and self.prompt_version in (100, 102):
            return {**judged, "score": 0.95, "passed": True}
        return judged


class FailsAThirdOfTheTime(System):
    count = 0

    def serve_post(self, service: str, path: str, raw: bytes) -> tuple[int, str, str]:
        if service == "manager" and b"task_type" in raw:
            self.count += 1
            if self.count % 3 == 0:
                return self.error(503, "try again")
        return super().serve_post(service, path, raw)


class PassedDisagrees(System):
    """`passed` from 0.95 on, where the guide says 0.7."""

    def evaluate(self, body: dict[str, Any]) -> dict[str, Any]:
        judged = super().evaluate(body)
        return {**judged, "passed": judged["score"] > 0.99}


UNHEALED = {"healing": {"prompt_not_replaced"}}

WRONG: dict[str, Case] = {
    "always_passes": Case(
        AlwaysPasses,
        "bad output scores 0.95; and as no failure is ever seen, nothing heals",
        loses={"evaluation": {"bad_output_scored_high"}, "healing": {"failures_not_seen"}},
    ),
    "always_fails": Case(
        AlwaysFails,
        "good output scores 0.2; and so does what the healed prompt gives",
        loses={
            "evaluation": {"good_output_scored_low"},
            "healing": {"score_not_improved", "pass_rate_not_improved"},
        },
    ),
    "constant": Case(
        Constant,
        "0.75 for everything: bad output passes, and no failure is seen",
        loses={"evaluation": {"bad_output_scored_high"}, "healing": {"failures_not_seen"}},
    ),
    "caches_the_prompt": Case(
        CachesThePrompt,
        "the Worker goes on with the prompt that it read first",
        loses={
            "e2e": {"prompt_version_wrong"},
            "healing": {"prompt_not_loaded"},
            "observability": {"metric_still"},
        },
    ),
    "ignores_the_prompt": Case(
        IgnoresThePrompt,
        "no bad prompt does anything, as no prompt does",
        loses={"healing": {"nothing_broke"}},
    ),
    "obeys_the_mentor_alone": Case(
        ObeysTheMentorAlone,
        "a special case for the demo; a bad prompt of anybody else does nothing",
        loses={"healing": {"nothing_broke"}},
    ),
    "same_version": Case(
        System,
        "the new row has the number of the bad one",
        optimizer="same_version",
        loses={"healing": {"no_new_version"}},
    ),
    "not_a_number": Case(
        NotANumber, "its metrics are NaN", loses={"observability": {"metric_missing"}}
    ),
    "inactive": Case(
        System,
        "the new version is written and not activated",
        optimizer="inactive",
        loses={"healing": {"new_version_not_active"}},
    ),
    "two_active": Case(
        System,
        "the bad version stays active beside the new one",
        optimizer="two_active",
        loses={"healing": {"several_active"}},
    ),
    "improves_nothing": Case(
        System,
        "the new prompt is as bad as the old",
        optimizer="improves_nothing",
        loses={"healing": {"score_not_improved", "pass_rate_not_improved"}},
    ),
    "deletes_the_logs": Case(
        System,
        "the failures are gone from the log after the heal",
        optimizer="deletes_logs",
        loses={"healing": {"logs_deleted"}},
    ),
    "goes_back": Case(
        System,
        "an old version is activated again, where the guide wants a new one",
        optimizer="goes_back",
        loses={"healing": {"no_new_version"}},
    ),
    "does_nothing": Case(
        System, "the Optimizer says that it is done", optimizer="does_nothing", loses=UNHEALED
    ),
    "fails": Case(
        System,
        "the Optimizer exits with 1",
        optimizer="fails",
        loses={"healing": {"optimizer_failed"}},
    ),
    "promotes_and_fails": Case(
        System,
        "it heals, and exits with 1 all the same",
        optimizer="promotes_and_fails",
        loses={"healing": {"optimizer_failed"}},
    ),
    "hangs": Case(
        System,
        "the Optimizer never ends",
        optimizer="hangs",
        optimizer_timeout=2,
        loses={"healing": {"optimizer_timed_out"}},
    ),
    "html_errors": Case(
        HtmlErrors, "errors come as web pages", loses={"errors": {"error_not_json"}}
    ),
    "fails_on_bad_input": Case(
        FailsOnBadInput, "500 for a malformed request", loses={"errors": {"server_error"}}
    ),
    "crashes_on_unknown_task_types": Case(
        CrashesOnUnknownTaskTypes, "the connection breaks", loses={"errors": {"no_answer"}}
    ),
    "dies_of_bad_input": Case(
        DiesOfBadInput,
        "the Worker isn't well after a malformed request",
        loses={"errors": {"crashed"}},
    ),
    "no_metrics": Case(
        NoMetrics, "no endpoint at all", loses={"observability": {"metrics_missing"}}
    ),
    "frozen_metrics": Case(
        FrozenMetrics,
        "all three are there, and never move",
        loses={"observability": {"metric_still"}},
    ),
    "lacks_a_metric": Case(
        LacksAMetric, "one has another name", loses={"observability": {"metric_missing"}}
    ),
    "metric_on_another_port": Case(
        MetricOnAnotherPort,
        "two are on each other's port",
        loses={"observability": {"metric_missing"}},
    ),
    "slow": Case(Slow, "0.8 s a request", loses={"performance": {"slow"}}),
    "wrong_version": Case(
        WrongVersion,
        "answers always say version 1; the log says what is right",
        loses={"e2e": {"prompt_version_wrong", "log_row_differs"}},
    ),
    "lacks_a_field": Case(
        LacksAField, "no refined_input in answers", loses={"e2e": {"field_missing"}}
    ),
    "score_as_text": Case(
        ScoreAsText,
        "evaluation_score is a string, so no score is seen to improve",
        loses={"e2e": {"field_mistyped"}, "healing": {"score_not_improved"}},
    ),
    "evaluators_score_as_text": Case(
        EvaluatorsScoreAsText,
        "the Evaluator's score is a string, the Manager's isn't",
        loses={"evaluation": {"score_invalid"}},
    ),
    "health_lies": Case(
        HealthLies,
        "healthy, and every request fails: all that needs an answer is lost",
        loses={
            "e2e": {"all_requests_failed"},
            "evaluation": {"evaluator_unreachable"},
            "healing": {"prompt_not_replaced"},
            "performance": {"nothing_measured"},
            "errors": {"all_requests_failed", "server_error"},
        },
    ),
    "health_is_bare": Case(
        HealthIsBare, "no service and version in /health", loses={"e2e": {"health_incomplete"}}
    ),
    "service_down": Case(
        System,
        "the Evaluator doesn't run: the guide gives 0 for end to end",
        down=("evaluator",),
        loses={
            "e2e": {"service_down"},
            "evaluation": {"evaluator_unreachable"},
            "errors": {"no_answer"},
            "observability": {"metric_missing"},
        },
    ),
    "ignores_the_input": Case(
        IgnoresTheInput, "one answer to every request", loses={"e2e": {"input_ignored"}}
    ),
    "hard_codes_the_first_task": Case(
        ObeysHardCodedAnswers,
        "the healed prompt is the answer to the benchmark's first task",
        optimizer="hard_codes",
        loses={"healing": {"cheating"}},
        cheats={"healed_answer_hard_coded"},
    ),
    "hard_codes_the_second_time": Case(
        ObeysHardCodedAnswers,
        "the first heal is honest, the second is an answer",
        optimizer="hard_codes_the_second_time",
        loses={"healing": {"cheating"}},
        cheats={"healed_answer_hard_coded"},
    ),
    "invents_scores": Case(
        InventsScores,
        "the Manager passes one bad text for everything, which the Evaluator doesn't",
        optimizer="improves_nothing",
        loses={"healing": {"cheating"}},
        cheats={"scores_not_the_evaluators", "healed_answer_hard_coded"},
    ),
    "answers_garbage": Case(
        AnswersGarbage, "no UUID as request_id", loses={"e2e": {"field_mistyped"}}
    ),
    "logs_something_else": Case(
        LogsSomethingElse,
        "the log has half the score that was answered",
        loses={"e2e": {"log_row_differs"}},
    ),
    "logs_nothing": Case(
        LogsNothing,
        "no row is written, so the Optimizer finds no failure",
        loses={"e2e": {"log_row_missing"}, "healing": {"prompt_not_replaced"}},
    ),
    "fails_a_third_of_the_time": Case(
        FailsAThirdOfTheTime,
        "every third request is a 503",
        loses={"e2e": {"requests_failed"}},
    ),
    "passed_disagrees": Case(
        PassedDisagrees,
        "nothing ever passes, whatever it scores",
        loses={"evaluation": {"passed_disagrees"}, "healing": {"pass_rate_not_improved"}},
    ),
}
# The few that every run of the tests grades; all of them are in the slow tests.
IN_EVERY_RUN = ("always_passes", "lacks_a_metric", "hard_codes_the_first_task")
