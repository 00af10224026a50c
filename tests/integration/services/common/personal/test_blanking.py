from typing import Any

from asyncpg import Connection

from services.common.evaluation_detail import EvaluationDetail, read_detail
from services.common.personal.blanking import write_remains

SELECT = f"""
    SELECT {write_remains("us")} FROM (SELECT $1::text, $2::jsonb) AS row (error_message, detail)
"""


async def test_what_is_kept_can_be_read_as_before(connection: Connection) -> None:
    detail = EvaluationDetail.model_validate({
        "rule_score": 0.5, "capped": True, "cap_reasons": ["theirs"], "evidence": "examples",
        "rules": [{"name": "parses", "weight": 0.5, "outcome": "failed", "reason": "theirs"}],
        "judge": {"name": "m", "judgements": [0.5], "criteria": [{"name": "c", "grade": 0.5}],
                  "reason": "theirs", "second_look": "theirs"},
        "execution": {"status": "ran", "layers": ["seccomp"], "output": "theirs",
                      "observations": [{"ran": "theirs"}]},
        "worker": {"model": "m", "provider": "p", "arm": "candidate", "unit": "theirs"},
        "error": {"service": "worker", "code": "away"}, "reasoning": "theirs", "caveat": "theirs",
    })  # fmt: skip
    remains: Any = await connection.fetchrow(SELECT, None, detail.as_json())
    kept = read_detail(remains["evaluation_detail"])
    assert "theirs" not in str(kept)
    assert kept.failed_rules == ("parses",)
    assert (kept.rule_score, kept.capped, kept.evidence) == (0.5, True, "examples")
    assert kept.judge.judgements == [0.5]
    assert kept.execution.layers == ["seccomp"]
    assert (kept.worker.model, kept.worker.provider, kept.worker.arm) == ("m", "p", "candidate")
    assert kept.error == detail.error
    assert kept.removed.by == "us"


async def test_of_an_error_its_code_is_kept(connection: Connection) -> None:
    kept = {
        None: None,
        "worker_failed: it said: no": "worker_failed",
        "The conversation can't be read.": "removed by us",
        "Ann: hello": "removed by us",
        "": None,
    }
    told = {
        message: (await connection.fetch(SELECT, message, None))[0]["error_message"]
        for message in kept
    }
    assert told == kept


async def test_of_a_detail_that_is_not_ours_no_text_is_kept(connection: Connection) -> None:
    for strange in ({"note": "theirs"}, ["theirs"], "theirs", 7, None):
        detail = dict.fromkeys(("worker", "error", "evaluator", "judge", "execution"), strange)
        remains: Any = await connection.fetchrow(SELECT, None, detail)
        assert "theirs" not in str(remains), strange
