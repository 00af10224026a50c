"""Rules and criteria for answers that call tools, or say why they call none."""

import re
from collections.abc import Iterator
from typing import Any

from services.common.chat.messages import read_all_texts
from services.common.task_types.json_extraction.derivation import is_made_up
from services.common.task_types.json_extraction.grounding import ISO_DATE, is_stated
from services.common.task_types.rules import (
    AnsweredTask,
    Finding,
    Grade,
    failed,
    not_applicable,
    passed,
)

# Of the conversation's end: what goes on is told there.
MAX_TEXT_CHARACTERS = 20_000
MAX_VALUES = 200
WORD = re.compile(r"[^\W\d_]{2,40}")
# Words that any two texts may share.
COMMON = frozenset(
    "a an and are as at be but by can could do does for from has have how i if in is it me my no "
    "not of on or please so that the there this to was we what when where which who will with "
    "would yes you your".split()
)
# Whether two words are forms of one is told by this much of them; Korean endings come sooner.
STEM_CHARACTERS, SHORT_STEM_CHARACTERS = 5, 2
TEXT_ONLY_GRADE = 0.5
REMARK_CHARACTERS = 60


def takes_values_from_the_conversation(task: AnsweredTask) -> Finding:
    """No address, identifier or long number in a call is made up."""
    stated, invented = _sort_values(task)
    if invented:
        return failed(f"nobody said {invented[0][:60]!r}, which a call hands over")
    if not stated:
        return not_applicable("no call hands over what the conversation would have to say")
    return passed(f"the conversation states {len(stated)} of the values")


def acts_on_the_request(task: AnsweredTask) -> Finding:
    """The answer calls a tool, asks back, or speaks of what was asked."""
    if task.tool_calls:
        return passed("it calls a tool")
    if _is_off_topic(task):
        return failed("it calls no tool and speaks of nothing that was asked")
    return passed("it speaks of the request")


def does_its_part(task: AnsweredTask) -> Grade:
    """Does it act on the request, or answer it?"""
    if task.tool_calls:
        return Grade(1, "it calls a tool")
    if _is_off_topic(task):
        return Grade(0, "it calls no tool and speaks of nothing that was asked")
    is_done = bool(task.conversation) and task.conversation[-1].get("role") == "tool"
    if is_done or "?" in task.answer or not task.tools:
        return Grade(1, "it answers, or asks back")
    return Grade(TEXT_ONLY_GRADE, "it calls no tool, and nothing shows whether one was needed")


def is_grounded(task: AnsweredTask) -> Grade:
    """How much of what its calls hand over isn't made up?"""
    stated, invented = _sort_values(task)
    if not invented:
        return Grade(1, "nothing that its calls hand over is made up")
    return Grade(len(stated) / (len(stated) + len(invented)), "a call hands over what nobody said")


def _sort_values(task: AnsweredTask) -> tuple[list[str], list[str]]:
    """Sort values into those that the conversation states, and those made up.

    Words, dates and free text may come of what was said in ways that can't be told.
    """
    text = "\n".join(read_all_texts(task.conversation))[-MAX_TEXT_CHARACTERS:]
    stated, invented = [], []
    values = [value for call in task.tool_calls for value in _texts_in(call.arguments)]
    for value in values[:MAX_VALUES]:
        if len(value) > MAX_TEXT_CHARACTERS or ISO_DATE.fullmatch(value.strip()):
            continue
        if is_stated(value, text):
            stated.append(value)
        elif len(value.split()) == 1 and is_made_up(value, "", text):
            invented.append(value)
    return stated, invented


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.strip():
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(part)


def _is_off_topic(task: AnsweredTask) -> bool:
    """Whether a text that asks nothing has no word in common with what was said before it.

    A short remark in the middle of a conversation may be thanks: any answer will do.
    """
    is_remark = len(task.conversation) > 1 and len(task.user_input) <= REMARK_CHARACTERS
    if is_remark or "?" in task.answer:
        return False
    said = "\n".join(read_all_texts(task.conversation)) or task.user_input
    asked = _stems(said[-MAX_TEXT_CHARACTERS:])
    return bool(asked) and asked.isdisjoint(_stems(task.answer))


def _stems(text: str) -> set[str]:
    words = set(WORD.findall(text[:MAX_TEXT_CHARACTERS].casefold())) - COMMON
    return {word[: STEM_CHARACTERS if word.isascii() else SHORT_STEM_CHARACTERS] for word in words}
