"""Composes the answer to a request under a system prompt."""

import json
import math
from functools import lru_cache

from simulated_model.composition import prose
from simulated_model.composition.code import write_python
from simulated_model.composition.data import calls_for_data, tell_data, write_data
from simulated_model.composition.languages import write_foreign
from simulated_model.composition.limits import shorten
from simulated_model.extraction.requests import read_data_request
from simulated_model.instructions.directives import (
    DEFAULT_LANGUAGE,
    Instructions,
    Reply,
    Wrapping,
    fill_silence,
)
from simulated_model.instructions.reading import read_instructions, read_wishes
from simulated_model.knowledge import Task, find_task

MODEL_NAME = "simulated"
CHARACTERS_PER_TOKEN = 4
CACHED_ANSWERS = 128
CODE_KEYS = frozenset("code solution answer output result function program python content".split())
DEFAULT_KEY = "code"


@lru_cache(maxsize=CACHED_ANSWERS)
def answer(prompt: str, request: str) -> str:
    """Return the model's answer; where the request wishes otherwise, the system prompt decides."""
    return compose(request, fill_silence(read_instructions(prompt), read_wishes(request)))


def count_tokens(text: str) -> int:
    """Count the tokens of a text, at four characters each."""
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def compose(request: str, instructions: Instructions) -> str:
    """Compose the answer to `request` that `instructions` ask for."""
    if instructions.reply is Reply.FIXED:
        return instructions.reply_text
    body = _compose_body(request, instructions)
    parts = (instructions.prefix, body, instructions.suffix)
    text = shorten("\n\n".join(part for part in parts if part), instructions.limits)
    return text.upper() if instructions.is_upper_case else text


def _compose_body(request: str, instructions: Instructions) -> str:
    data_request = read_data_request(request)
    if data_request is not None:
        if calls_for_data(instructions):
            return write_data(data_request, instructions)
        if instructions.reply is Reply.PROSE:
            return tell_data(data_request)
    task = find_task(request)
    match instructions.reply:
        case Reply.REFUSAL:
            body = prose.REFUSAL
        case Reply.QUESTION:
            body = prose.QUESTION
        case Reply.ECHO:
            body = request
        case Reply.POEM:
            body = prose.POEM.format(subject=prose.subject_of(request, task))
        case Reply.OFF_TOPIC:
            body = prose.OFF_TOPIC.format(role=" ".join(instructions.reply_text.split()))
        case Reply.PROSE:
            body = prose.explain(request, task, instructions)
        case _:
            body = _compose_code(request, task, instructions)
    return body


def _compose_code(request: str, task: Task | None, instructions: Instructions) -> str:
    language = instructions.language or DEFAULT_LANGUAGE
    write = write_python if language == DEFAULT_LANGUAGE else write_foreign
    code = write(request, task, instructions)
    explanation = prose.explain(request, task, instructions)
    if instructions.wrapping is Wrapping.JSON:
        return _as_json(code, explanation, language, instructions.wrapping_names)
    block = prose.wrap(code, language, instructions)
    if instructions.only_code:
        return block
    introduction = prose.introduce(request, task, instructions)
    _, farewell = prose.VOICES.get(instructions.voice, ("", ""))
    closing = explanation if instructions.explanation else farewell
    return "\n\n".join(part for part in (introduction, block, closing) if part)


def _as_json(code: str, explanation: str, language: str, keys: tuple[str, ...]) -> str:
    """Write a JSON object with these keys; their names decide what they hold."""
    names = keys or (DEFAULT_KEY,)
    code_key = next((name for name in names if name.lower() in CODE_KEYS), names[0])
    values = {name: language if name.lower() == "language" else explanation for name in names}
    return json.dumps(values | {code_key: code}, ensure_ascii=False)
