"""The judge that asks a model under a versioned prompt, twice where the score is close."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean
from types import MappingProxyType

from langchain_core.messages import HumanMessage, SystemMessage

from services.common.errors import JudgeInvalidError, OutOfTimeError, OverloadedError, UnscoredError
from services.common.errors.model import ModelError, ModelOutOfTimeError
from services.common.llm.invocation import AskedModel, close_model, find_breaker, invoke_model
from services.common.logging import get_logger
from services.common.resilience.bounded_calls import BoundedCalls
from services.common.resilience.deadline import fits
from services.common.task_types.rules import RuleResults
from services.common.tracing.inference import asking_about
from services.evaluator.app.services.judging.case import describe_case
from services.evaluator.app.services.judging.judge import JudgedAnswer, Judgement
from services.evaluator.app.services.judging.reply import parse_judgement
from services.evaluator.app.services.scorer import PASS_THRESHOLD, ROUNDING, reach_verdict

PROMPT_FILE = Path(__file__).parents[2] / "prompts" / "judge.txt"
# Follows the prompt, whichever it is, where the request is a conversation.
CONVERSATION_FILE = PROMPT_FILE.with_name("judge_conversation.txt")
# The prompt's name in traces.
JUDGE = "judge"
ATTEMPTS = 2
# A score this near to the threshold is judged a second time.
CLOSE_TO_THRESHOLD = 0.05
SKIPPED = "skipped: no time"

log = get_logger()

Hold = Callable[[], AbstractAsyncContextManager[None]]


class LlmJudge:
    """Asks a model for a grade, under a versioned prompt, and accepts only a number in range.

    Where the score comes within 0.05 of the threshold, it asks a second time and takes the
    mean. The second time the answer stands before its request: the same words in another
    order, since a model asked the very same thing at temperature 0 would only repeat itself,
    while its grade shouldn't depend on the order in which it reads.

    What is asked again has to fit into what the request has left: there must be as much time as
    the asking before it took. A second look that doesn't fit, or fails, leaves the first grade.

    Args:
        prompts: Judge prompts of task types that have one of their own, by task type.
        calls: Bounds how many calls of the model are under way.
    """

    can_judge_unseen = True

    def __init__(
        self,
        model: AskedModel,
        *,
        spec: str,
        prompts: Mapping[str, str] = MappingProxyType({}),
        calls: BoundedCalls | None = None,
    ) -> None:
        self._model = model
        self._hold: Hold = calls.hold if calls else nullcontext
        self.breaker = find_breaker(model)
        self._prompt = PROMPT_FILE.read_text(encoding="utf-8")
        self._on_conversations = CONVERSATION_FILE.read_text(encoding="utf-8")
        self._prompts = dict(prompts)
        self.name = spec
        told = self._prompt + self._on_conversations
        self.identity = f"{spec}@{_digest_prompts(told, self._prompts)}"

    async def judge(self, case: JudgedAnswer, rules: RuleResults) -> Judgement:
        """Grade an answer by asking the model once or twice.

        Raises:
            JudgeInvalidError: If neither of two replies is a grade, or there is time for only one.
            OutOfTimeError: If the request's deadline comes before the first grade.
            OverloadedError: If too many wait for the model.
            UnscoredError: If the model gives no reply.
        """
        instructions = self._prompts.get(case.task_type, self._prompt)
        if case.conversation:
            instructions = f"{instructions.rstrip()}\n\n{self._on_conversations}"
        prompt = SystemMessage(instructions)
        describe = partial(describe_case, case.user_input, case.answer, rules, case.conversation)
        started = time.perf_counter()
        first = await self._ask(prompt, describe())
        if not is_close(first.score, rules):
            return combine_judgements([first])
        # The first grade is as good as any answer's that was judged once.
        if not fits(time.perf_counter() - started):
            return replace(combine_judgements([first]), second_look=SKIPPED)
        try:
            second = await self._ask(prompt, describe(answer_first=True))
        except (UnscoredError, OverloadedError) as error:
            log.warning("judge_second_look_failed", judge=self.name, code=error.code)
            return replace(combine_judgements([first]), second_look=f"failed: {error.code}")
        return combine_judgements([first, second])

    async def _ask(self, prompt: SystemMessage, shown: str) -> Judgement:
        """Ask, and ask once more where the reply is no grade."""
        problem = ""
        for _ in range(ATTEMPTS):
            started = time.perf_counter()
            try:
                async with self._hold():
                    with asking_about(JUDGE, self.identity.rpartition("@")[2]):
                        answer = await invoke_model(self._model, [prompt, HumanMessage(shown)])
            except ModelOutOfTimeError as error:
                raise OutOfTimeError from error
            except ModelError as error:
                raise UnscoredError(f"The judge gave no answer: {error.message}") from error
            try:
                return parse_judgement(answer.text, shown=shown)
            except ValueError as error:
                problem = str(error)
                log.warning("judge_reply_invalid", judge=self.name, problem=problem)
                if not fits(time.perf_counter() - started):
                    break
        raise JudgeInvalidError(f"The judge {self.name!r} gave no usable grade: {problem}.")

    async def close(self) -> None:
        """Close the model's connections."""
        await close_model(self._model)


def is_close(grade: float, rules: RuleResults) -> bool:
    """Whether a second grade could change the verdict: the score is near the threshold.

    Args:
        grade: The judge's grade, in [0, 1].
        rules: The results of the rules; an answer that they show to fail can't pass, and no
            second grade changes that.
    """
    verdict = reach_verdict(rules.score, grade, demonstrably_fails=bool(rules.cap_reasons))
    return abs(verdict.score - PASS_THRESHOLD) <= CLOSE_TO_THRESHOLD + ROUNDING


def combine_judgements(judgements: Sequence[Judgement]) -> Judgement:
    """Combine judgements: the mean of their grades, their spread, all their reasons."""
    scores = tuple(judgement.score for judgement in judgements)
    reasons = dict.fromkeys(judgement.reason for judgement in judgements if judgement.reason)
    return Judgement(
        score=fmean(scores),
        reason=" | second look: ".join(reasons),
        confidence=fmean(judgement.confidence for judgement in judgements),
        judgements=scores,
        spread=max(scores) - min(scores),
    )


def _digest_prompts(prompt: str, prompts: Mapping[str, str]) -> str:
    """Hash all prompts, so that a change in any of them changes the judge's version."""
    digest = hashlib.sha256(prompt.encode())
    for task_type, text in sorted(prompts.items()):
        digest.update(f"\x00{task_type}\x00{text}".encode())
    return digest.hexdigest()[:12]
