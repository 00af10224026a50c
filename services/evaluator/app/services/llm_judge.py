"""The LLM judge: asks a model under a versioned prompt, takes nothing but a number in range."""

import hashlib
import json
from pathlib import Path
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage

from services.common.errors import JudgeInvalidError, ModelError, UnscoredError
from services.common.llm.invocation import close_model, invoke_model
from services.common.logging import get_logger
from services.common.task_types.rules import RuleReport
from services.evaluator.app.services.evidence import Evidence
from services.evaluator.app.services.judge import Judgement

PROMPT_FILE = Path(__file__).parent.parent / "prompts" / "judge.txt"
ATTEMPTS = 2
MAX_REPLY_CHARACTERS = 8_000
MAX_REASON_CHARACTERS = 1_000
MAX_DATA_CHARACTERS = 24_000

log = get_logger()


class LlmJudge:
    """Asks a model, under a versioned prompt, and takes nothing but a number in range.

    Args:
        model: Any LangChain chat model.
        spec: Its `provider:name`, for the record.
    """

    def __init__(self, model: BaseChatModel, *, spec: str) -> None:
        self._model = model
        self._prompt = PROMPT_FILE.read_text(encoding="utf-8")
        self.name = spec
        digest = hashlib.sha256(self._prompt.encode()).hexdigest()[:12]
        self.identity = f"{spec}@{digest}"

    async def judge(self, evidence: Evidence, report: RuleReport, request: str) -> Judgement:
        """Ask, and ask once more where the reply is no grade."""
        messages = [
            SystemMessage(self._prompt),
            HumanMessage(describe_case(request, evidence.answer, report)),
        ]
        problem = ""
        for _ in range(ATTEMPTS):
            try:
                answer = await invoke_model(self._model, messages)
            except ModelError as error:
                raise UnscoredError(f"The judge gave no answer: {error.message}") from error
            try:
                return parse_judgement(answer.text)
            except ValueError as error:
                problem = str(error)
                log.warning("judge_reply_invalid", judge=self.name, problem=problem)
        raise JudgeInvalidError(f"The judge {self.name!r} gave no usable grade: {problem}.")

    async def close(self) -> None:
        """Close the model's connections."""
        await close_model(self._model)


def describe_case(request: str, answer: str, report: RuleReport) -> str:
    """The case as the judge sees it; data stands between markers that it can't contain."""
    digest = hashlib.sha256(f"{request}\x00{answer}".encode("utf-8", "replace")).hexdigest()[:16]
    facts = "\n".join(
        f"- {result.rule.name}: {result.finding.outcome} ({result.finding.reason})"
        for result in report.results
    )
    return (
        f"[request {digest}]\n{request[:MAX_DATA_CHARACTERS]}\n[end of request {digest}]\n\n"
        f"[answer {digest}]\n{answer[:MAX_DATA_CHARACTERS]}\n[end of answer {digest}]\n\n"
        f"Facts from static checks:\n{facts}\n"
    )


def parse_judgement(reply: str) -> Judgement:
    """Read a reply strictly: one JSON object, in a code fence at most, numbers in [0, 1].

    Raises:
        ValueError: If it is anything else; the message says what.
    """
    text = reply.strip()
    if len(text) > MAX_REPLY_CHARACTERS:
        raise ValueError("the reply is too long")
    if text.startswith("```") and text.endswith("```"):
        text = text.removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    try:
        parsed = json.loads(text, object_pairs_hook=_reject_duplicates, parse_constant=_reject)
    except RecursionError as error:
        raise ValueError("the reply is nested too deeply") from error
    if not isinstance(parsed, dict):
        raise ValueError("the reply is no JSON object")
    reason = parsed.get("reason", "")
    if not isinstance(reason, str):
        raise ValueError("the reason is no text")
    return Judgement(
        score=_unit_number(parsed, "score"),
        reason=reason[:MAX_REASON_CHARACTERS],
        confidence=_unit_number(parsed, "confidence") if "confidence" in parsed else 1.0,
    )


def _unit_number(parsed: dict[str, Any], name: str) -> float:
    value = parsed.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is no number")
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is not in [0, 1]")
    return float(value)


def _reject(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _reject_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    parsed = dict(pairs)
    if len(parsed) != len(pairs):
        raise ValueError("the reply names a field twice")
    return parsed
