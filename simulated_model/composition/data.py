"""Writes data that were taken out of a text, in the form that was asked for."""

import json
from typing import Any

from simulated_model.composition.prose import VOICES, wrap
from simulated_model.extraction.extractor import extract
from simulated_model.extraction.requests import DataRequest
from simulated_model.instructions.directives import Instructions, Reply, Wrapping

SUBJECT = "data"
INTRODUCTION = "Here is the data that the text gives:"
UNSTATED = "The text says nothing of it."
EXPLANATION = "Each value stands in the text; what the text doesn't say was left open."


def calls_for_data(instructions: Instructions) -> bool:
    """Whether the instructions let a request for data be answered with data.

    Where they order code, it is answered with code.
    """
    if instructions.language:
        return False
    return instructions.reply is None or (
        instructions.reply is Reply.CODE and instructions.wrapping is Wrapping.JSON
    )


def write_data(request: DataRequest, instructions: Instructions) -> str:
    """Write the data, and around them what the instructions allow."""
    data = extract(request)
    if instructions.wrapping_names and instructions.wrapping is Wrapping.JSON:
        data = {name: data.get(name) for name in instructions.wrapping_names}
    text = json.dumps(data, ensure_ascii=False, indent=2)
    is_bare = instructions.wrapping is Wrapping.JSON
    block = text if is_bare else wrap(text, "json", instructions)
    is_alone = instructions.only_code or is_bare
    opening, closing = VOICES.get(instructions.voice, ("" if is_alone else INTRODUCTION, ""))
    if instructions.explanation and not instructions.only_code:
        closing = EXPLANATION
    parts = (opening.format(subject=SUBJECT), block, closing)
    return "\n\n".join(part for part in parts if part)


def tell_data(request: DataRequest) -> str:
    """Write the data as a sentence."""
    told = [
        f"the {name.replace('_', ' ')} is {_say(value)}"
        for name, value in extract(request).items()
        if value is not None
    ]
    return f"As far as the text goes, {', '.join(told)}." if told else UNSTATED


def _say(value: Any) -> str:
    if isinstance(value, list):
        return " and ".join(_say(item) for item in value)
    if isinstance(value, dict):
        return " ".join(_say(item) for item in value.values())
    return str(value)
