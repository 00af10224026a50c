"""Puts the `gepa` package behind a plain function that searches for a prompt that scores better.

GEPA has a model reflect on a few answers and their scores, keeps a rewrite that scores better on
those few, and grows the next one from the best on each input (Agrawal et al. 2025,
arXiv:2507.19457). It is optional: everything here imports it only when it is used.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from services.common.errors import ServiceError
from services.common.secret_masking import mask_secrets
from services.common.text import digest_text

COMPONENT = "system_prompt"
MINIBATCH = 3
SEED = 0
MAX_REQUEST_CHARACTERS = 400
MAX_OUTPUT_CHARACTERS = 600
MAX_FEEDBACK_CHARACTERS = 300
QUESTION_FILE = Path(__file__).parents[2] / "prompts" / "rewriter.txt"
# Where the prompt and the evidence stand in the question.
DATA_MARK = "{data}"
FENCE = "```"

Input = TypeVar("Input")
Records = Sequence[Mapping[str, Any]]
Propose = Callable[[dict[str, str], Mapping[str, Records], list[str]], dict[str, str]]


class SearchFailedError(ServiceError):
    """The search ended with an error of its own."""

    code = "search_failed"


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """An answer under a prompt, its score in [0, 1], and what is to be said about it."""

    request: str
    output: str
    score: float
    feedback: str


class PromptAdapter(Generic[Input]):
    """What `gepa` needs of a system with one prompt: its `GEPAAdapter`, by shape.

    Args:
        evaluate: Answers inputs under a prompt and scores the answers, in the inputs' order; it
            raises where it can't score them all.
        propose: Writes a new prompt; by default `gepa` does, with its own words.
    """

    def __init__(
        self,
        evaluate: Callable[[str, Sequence[Input]], Sequence[ScoredAnswer]],
        propose: Propose | None = None,
    ) -> None:
        self._evaluate = evaluate
        self.propose_new_texts = propose

    def evaluate(
        self, batch: list[Input], candidate: dict[str, str], capture_traces: bool = False
    ) -> Any:
        """Score a candidate on a batch."""
        from gepa import EvaluationBatch  # noqa: PLC0415 - optional

        answers = list(self._evaluate(candidate[COMPONENT], batch))
        return EvaluationBatch(
            outputs=[answer.output for answer in answers],
            scores=[answer.score for answer in answers],
            trajectories=answers if capture_traces else None,
        )

    def make_reflective_dataset(
        self,
        candidate: dict[str, str],  # noqa: ARG002 - gepa's signature
        eval_batch: Any,
        components_to_update: list[str],
    ) -> dict[str, Records]:
        """List what the reflecting model is shown of a batch."""
        records = [describe_answer(answer) for answer in eval_batch.trajectories]
        return dict.fromkeys(components_to_update, records)


def describe_answer(answer: ScoredAnswer) -> dict[str, str]:
    """Describe an answer as evidence: secrets masked, each piece capped.

    Secrets go first: a cap may leave half of one, which no pattern knows any more.
    """
    feedback = mask_secrets(answer.feedback)[:MAX_FEEDBACK_CHARACTERS]
    return {
        "Inputs": mask_secrets(answer.request)[:MAX_REQUEST_CHARACTERS],
        "Generated Outputs": mask_secrets(answer.output)[:MAX_OUTPUT_CHARACTERS],
        "Feedback": f"Score {answer.score:.2f}. {feedback}".strip(),
    }


def ask_for_rewrite(prompt: str, records: Records) -> str:
    """Write the question to the reflecting model, its data between markers that it can't hold."""
    shown = mask_secrets(prompt)
    evidence = "\n".join(f"- {json.dumps(record)}" for record in records)
    mark = digest_text(f"{shown}\x00{evidence}")[:16]
    before, _, after = QUESTION_FILE.read_text(encoding="utf-8").partition(DATA_MARK)
    return (
        f"{before}[prompt {mark}]\n{shown}\n[end of prompt {mark}]\n\n"
        f"[evidence {mark}]\n{evidence}\n[end of evidence {mark}]{after}"
    )


def read_proposal(reply: str) -> str:
    """Read the prompt in a reply: from its first fence to its last, else all; may be empty."""
    _, opening, inside = reply.partition(FENCE)
    if not opening:
        return reply.strip()
    inside = inside.rpartition(FENCE)[0] or inside
    language, newline, rest = inside.partition("\n")
    is_labelled = newline and (language.strip().isalnum() or not language.strip())
    return (rest if is_labelled else inside).strip()


def search_prompt(
    incumbent: str,
    inputs: Sequence[Input],
    adapter: PromptAdapter[Input],
    *,
    is_over: Callable[[], bool],
    reflect: Callable[[str], str] | None = None,
) -> str | None:
    """Let `gepa` search; it blocks, so it runs in a thread.

    Args:
        adapter: Evaluates, and proposes where `reflect` is None.
        is_over: Asked before each round; must turn true in the end, whatever fails.
        reflect: Answers `gepa`'s own question for a new prompt.

    Returns:
        The best prompt that it found; None where nothing scored above the incumbent.

    Raises:
        ServiceError: If the incumbent can't be scored, or `gepa` fails.
    """
    import gepa  # noqa: PLC0415 - optional

    try:
        found = gepa.optimize(
            seed_candidate={COMPONENT: incumbent},
            trainset=list(inputs),
            adapter=adapter,
            reflection_lm=reflect,
            reflection_minibatch_size=min(MINIBATCH, len(inputs)),
            stop_callbacks=lambda _state: is_over(),
            logger=_SilentLogger(),
            # A round that fails is lost; those before it aren't.
            raise_on_exception=False,
            seed=SEED,
        )
    except ServiceError:
        raise
    except Exception as error:
        raise SearchFailedError(f"gepa failed ({type(error).__name__}).") from error
    best: str = found.candidates[found.best_idx][COMPONENT]
    return best if found.best_idx else None


class _SilentLogger:
    """Keeps `gepa` from printing."""

    def log(self, message: str) -> None:
        """Say nothing."""
