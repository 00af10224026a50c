"""Composes the answer to a request under instructions."""

import json

from services.common.llm.simulated.composition_code import write_python
from services.common.llm.simulated.instructions import (
    Instructions,
    Reply,
    Wrapping,
    fill_silence,
)
from services.common.llm.simulated.instructions_reading import read_instructions, read_wishes
from services.common.llm.simulated.knowledge import find_task


def answer(prompt: str, request: str) -> str:
    """What the model says; the system prompt has the last word over the request's wishes."""
    return compose(request, fill_silence(read_instructions(prompt), read_wishes(request)))


def compose(request: str, instructions: Instructions) -> str:
    """Answer `request` as `instructions` say."""
    if instructions.reply is Reply.FIXED:
        return instructions.reply_text
    task = find_task(request)
    code = write_python(request, task, instructions)
    if instructions.wrapping is Wrapping.JSON:
        return json.dumps({"code": code})
    block = f"```python\n{code}\n```"
    if instructions.only_code:
        return block
    return f"Here is the code:\n\n{block}"
