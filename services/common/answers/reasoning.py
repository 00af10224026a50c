"""Splits what a model wrote into its reasoning and its answer. Pure."""

import re
from dataclasses import dataclass

BLOCK = re.compile(r"<(think|thinking)>(.*?)(?:</\1>|\Z)", re.S | re.I)


@dataclass(frozen=True, slots=True)
class ModelText:
    """A model's text in its two parts.

    Attributes:
        final: The answer; empty where the text is reasoning throughout.
        reasoning: What the model wrote on its way there.
    """

    final: str
    reasoning: str


def split_reasoning(text: str) -> ModelText:
    """Split a model's text into its reasoning and the answer after it."""
    reasoning = "\n".join(match[2].strip() for match in BLOCK.finditer(text))
    return ModelText(BLOCK.sub("", text).strip(), reasoning)
