"""Has the configured model, the analyst, read what failed and write a prompt."""

import json
from pathlib import Path

from langchain_core.messages import HumanMessage, SystemMessage

from services.common.answers.model_json import read_model_object
from services.common.errors.model import ModelError
from services.common.llm.invocation import AskedModel, invoke_model
from services.common.logging import get_logger
from services.common.secret_masking import mask_secrets
from services.common.text import digest_text, make_printable_line
from services.common.tracing.inference import asking_about
from services.optimizer.app.services.log_analyzer import FailureAnalysis
from services.optimizer.app.services.repair.candidates import Candidate

PROMPT_FILE = Path(__file__).parents[2] / "prompts" / "analyst.txt"
# The prompt's name in traces.
ANALYST = "analyst"
STRATEGY = "reflection"
MAX_EXAMPLES = 3
MAX_EXAMPLE_CHARACTERS = 500
MAX_RATIONALE_CHARACTERS = 300

log = get_logger()


async def ask_analyst(
    model: AskedModel, incumbent: str, analysis: FailureAnalysis
) -> list[Candidate]:
    """Have a model write a candidate; none where it fails or answers anything but the form.

    What it writes is linted and proven like every other candidate.
    """
    messages = [
        SystemMessage(PROMPT_FILE.read_text(encoding="utf-8")),
        HumanMessage(describe_failures(incumbent, analysis)),
    ]
    try:
        with asking_about(ANALYST):
            answer = await invoke_model(model, messages)
    except ModelError as error:
        log.warning("analyst_failed", code=error.code, message=error.message)
        return []
    candidate = parse_proposal(answer.text)
    if candidate is None:
        log.warning("analyst_reply_invalid", characters=len(answer.text))
        return []
    return [candidate]


async def ask_plainly(model: AskedModel, question: str) -> str:
    """Ask the analyst's model anything.

    Raises:
        ModelError: If the model's provider fails.
    """
    return (await invoke_model(model, [HumanMessage(question)])).text


def describe_failures(incumbent: str, analysis: FailureAnalysis) -> str:
    """Put prompt and evidence between markers that the data can't contain, each piece capped.

    Secrets in the evidence are masked before it is cut: half a key is still one, and harder to
    know. The prompt is the operator's, and stands as it is.
    """
    examples = "\n".join(
        f"- input: {_quote(failure.text, is_end=failure.conversation is not None)}\n"
        f"  answer: {_quote(failure.worker_output)}\n"
        f"  score: {failure.score:.2f}"
        for failure in analysis.failing[:MAX_EXAMPLES]
    )
    rules = ", ".join(f"{rule} ({count}x)" for rule, count in analysis.rule_counts.items())
    mark = digest_text(f"{incumbent}\x00{examples}")[:16]
    return (
        f"[prompt {mark}]\n{incumbent}\n[end of prompt {mark}]\n\n"
        f"{analysis.failure_count} of {analysis.scored_count} answers failed. "
        f"Checks that failed: {rules or 'none by name'}.\n\n"
        f"[evidence {mark}]\n{examples}\n[end of evidence {mark}]\n"
    )


def _quote(text: str, *, is_end: bool = False) -> str:
    """Quote the beginning of a text, or its end: what was asked last in a conversation."""
    masked = mask_secrets(text)
    return json.dumps(
        masked[-MAX_EXAMPLE_CHARACTERS:] if is_end else masked[:MAX_EXAMPLE_CHARACTERS]
    )


def parse_proposal(reply: str) -> Candidate | None:
    """Read a reply: one JSON object with a prompt; None for anything else."""
    try:
        proposal = read_model_object(reply, "prompt").fields
    except ValueError:
        return None
    if not isinstance(proposal["prompt"], str):
        return None
    rationale = make_printable_line(str(proposal.get("analysis", "")))
    return Candidate(proposal["prompt"].strip(), STRATEGY, rationale[:MAX_RATIONALE_CHARACTERS])
