"""Error handling: what goes wrong is answered in JSON, and nothing crashes."""

from collections.abc import Iterator
from typing import Final

from grading.dimensions.e2e import is_healthy
from grading.observations import Observations, ProbeSeen
from grading.result import WEIGHTS, Code, Deduction, Dimension, Facts, Hint

FULL: Final = float(WEIGHTS[Dimension.ERRORS])
PROBE_POINTS: Final = 2.0
CRASH_POINTS: Final = 5.0
ALL_FAILED_POINTS: Final = 5.0
ERROR: Final = 400
SERVER_ERROR: Final = 500
EXCERPT_CHARACTERS: Final = 120
# A request for a task type without a prompt isn't malformed: any error in JSON will do.
WELL_FORMED: Final = "unknown_task_type"


def judge_errors(seen: Observations) -> tuple[Deduction, ...]:
    """Judge the dimension: failed requests, malformed requests, crashes."""
    probes = (deduction for probe in seen.probes for deduction in _judge_probe(probe))
    return (*_judge_requests(seen), *probes, *_judge_crashes(seen))


def is_graceful(probe: ProbeSeen) -> bool:
    """Tell whether a malformed request was met as the guide wants it."""
    return next(_judge_probe(probe), None) is None


def _judge_requests(seen: Observations) -> Iterator[Deduction]:
    exchanges = seen.exchanges
    if exchanges and not any(one.succeeded for one in exchanges):
        facts: Facts = {"requests": len(exchanges), "seen": exchanges[0].reply.seen}
        yield Deduction(Code.ALL_REQUESTS_FAILED, ALL_FAILED_POINTS, facts, Hint.LLM_KEY)


def _judge_probe(probe: ProbeSeen) -> Iterator[Deduction]:
    reply = probe.reply
    excerpt = reply.text[:EXCERPT_CHARACTERS]
    if reply.status is None:
        facts: Facts = {"probe": probe.name, "seen": reply.error}
        yield Deduction(Code.NO_ANSWER, PROBE_POINTS, facts, Hint.JSON_ERRORS)
    elif reply.status >= ERROR and not isinstance(reply.json, dict | list):
        facts = {
            "probe": probe.name,
            "status": reply.status,
            "content_type": reply.content_type,
            "excerpt": excerpt,
        }
        yield Deduction(Code.ERROR_NOT_JSON, PROBE_POINTS, facts, Hint.JSON_ERRORS)
    elif reply.status >= SERVER_ERROR and not probe.name.endswith(WELL_FORMED):
        facts = {"probe": probe.name, "status": reply.status, "excerpt": excerpt}
        yield Deduction(Code.SERVER_ERROR, PROBE_POINTS, facts, Hint.JSON_ERRORS)


def _judge_crashes(seen: Observations) -> Iterator[Deduction]:
    """Find services that were healthy before the malformed requests and aren't after them."""
    for name, reply in seen.health_after.items():
        if is_healthy(seen.health[name]) and not is_healthy(reply):
            yield Deduction(Code.CRASHED, CRASH_POINTS, {"service": name}, Hint.JSON_ERRORS)
