"""Refiners for the Orchestrator: by rules alone, or by rules and then a model."""

from pathlib import Path
from typing import TYPE_CHECKING

from services.common.errors.model import ModelError
from services.common.logging import get_logger
from services.common.schemas import MAX_INPUT_CHARACTERS
from services.common.secret_masking import holds_secret
from services.manager.app.services.refinement.rules import refine

if TYPE_CHECKING:
    from services.common.llm.invocation import AskedModel

PROMPT_FILE = Path(__file__).parents[2] / "prompts" / "refiner.txt"

log = get_logger()


class RuleRefiner:
    """Refines by rules: pure, instant, the same result for the same input.

    Args:
        language: The language to state where a request names none; empty for no statement.
    """

    def __init__(self, *, language: str) -> None:
        self._language = language

    async def refine(self, user_input: str, *, task_type: str) -> str:
        """Return the refined input; empty only where there is nothing to see."""
        return refine(user_input, task_type=task_type, language=self._language)

    async def close(self) -> None:
        """Close nothing: rules hold no resource."""


class LlmRefiner:
    """Refines by rules, then has a model reword the result; rules alone where it fails.

    An input that holds a key, a token or a password isn't shown to the model at all: masked, it
    would come back without what the Worker may need.

    Args:
        rules: Comes first, and stands in where the model fails.
    """

    def __init__(self, model: "AskedModel", rules: RuleRefiner) -> None:
        self._model = model
        self._rules = rules
        self._prompt = PROMPT_FILE.read_text(encoding="utf-8")

    async def refine(self, user_input: str, *, task_type: str) -> str:
        """Return the refined input, at most as long as an input may be where the model wrote it."""
        from langchain_core.messages import HumanMessage, SystemMessage  # noqa: PLC0415

        from services.common.llm.invocation import invoke_model  # noqa: PLC0415

        by_rules = await self._rules.refine(user_input, task_type=task_type)
        if holds_secret(user_input) or holds_secret(by_rules):
            log.info("refiner_skipped", reason="holds_secret")
            return by_rules
        try:
            answer = await invoke_model(
                self._model, [SystemMessage(self._prompt), HumanMessage(by_rules)]
            )
        except ModelError as error:
            log.warning("llm_refiner_failed", code=error.code, message=error.message)
            return by_rules
        reworded = await self._rules.refine(answer.text, task_type=task_type)
        if not reworded.strip() or len(reworded) > MAX_INPUT_CHARACTERS:
            log.warning("llm_refiner_answer_unusable", characters=len(reworded))
            return by_rules
        return reworded

    async def close(self) -> None:
        """Close the model's connections."""
        from services.common.llm.invocation import close_model  # noqa: PLC0415

        await close_model(self._model)


Refiner = RuleRefiner | LlmRefiner
