"""Rules and a criterion for answers that call tools, or say why they call none."""

import re
from collections.abc import Iterator
from typing import Any

from services.common.chat.messages import read_all_texts
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
# What nobody can know who wasn't told: an e-mail address, a number behind letters.
ADDRESS = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")
IDENTIFIER = re.compile(r"[A-Za-z]{1,10}[-_#]?(?!(?:19|20)\d\d$)(\d{3,40})")
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
    """No e-mail address and no identifier in a call is made up."""
    said = "\n".join(read_all_texts(task.conversation)).casefold()
    is_told = False
    for value in (text for call in task.tool_calls for text in _texts_in(call.arguments)):
        identifier = IDENTIFIER.fullmatch(value)
        if identifier or ADDRESS.fullmatch(value):
            if (identifier[1] if identifier else value.casefold()) not in said:
                return failed(f"nobody said {value[:60]!r}, which a call hands over")
            is_told = True
    if is_told:
        return passed("the conversation states what the calls hand over")
    return not_applicable("no call hands over what the conversation would have to state")


def acts_on_the_request(task: AnsweredTask) -> Finding:
    """The answer calls a tool, asks back, or speaks of what was said before."""
    if task.tool_calls:
        return passed("it calls a tool")
    # A short remark in the middle of a conversation may be thanks: any answer will do.
    is_remark = len(task.conversation) > 1 and len(task.user_input) <= REMARK_CHARACTERS
    said = "\n".join(read_all_texts(task.conversation)) or task.user_input
    asked = _stems(said[-MAX_TEXT_CHARACTERS:])
    if is_remark or "?" in task.answer or not asked.isdisjoint(_stems(task.answer)) or not asked:
        return passed("it speaks of the request, or asks back")
    return failed("it calls no tool and speaks of nothing that was asked")


def does_its_part(task: AnsweredTask) -> Grade:
    """Does it act on the request, or answer it?"""
    if acts_on_the_request(task).outcome == "failed":
        return Grade(0, "it does nothing that was asked")
    is_done = bool(task.conversation) and task.conversation[-1].get("role") == "tool"
    if task.tool_calls or is_done or "?" in task.answer or not task.tools:
        return Grade(1, "it calls a tool, answers, or asks back")
    return Grade(TEXT_ONLY_GRADE, "it calls no tool, and nothing shows whether one was needed")


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(part)


def _stems(text: str) -> set[str]:
    words = set(WORD.findall(text[:MAX_TEXT_CHARACTERS].casefold())) - COMMON
    return {word[: STEM_CHARACTERS if word.isascii() else SHORT_STEM_CHARACTERS] for word in words}
