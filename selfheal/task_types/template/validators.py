"""Rules and criteria of this task type: plain functions that look at a request and its answer.

A function's name is what task_type.toml weighs; one that begins with an underscore is neither.
Each must be a pure function, must take any answer whatever, and must not take long: answers come
from a model, and may be empty, in any language, or 200,000 characters long.
"""

import re

from services.common.task_types.rules import AnsweredTask, Finding, Grade, failed, passed

MOST_SENTENCES = 3
SENTENCE_END = re.compile(r"[.!?。](?:\s|$)")


def is_short(task: AnsweredTask) -> Finding:
    """The answer has at most three sentences."""
    sentences = _count_sentences(task.answer)
    if sentences > MOST_SENTENCES:
        return failed(f"it has {sentences} sentences")
    return passed("it is short")


def gets_to_the_point(task: AnsweredTask) -> Grade:
    """Is there an answer, and little around it?"""
    sentences = _count_sentences(task.answer)
    if not task.answer.strip():
        return Grade(0, "there is nothing")
    return Grade(min(1, MOST_SENTENCES / max(1, sentences)), f"sentences: {sentences}")


def _count_sentences(text: str) -> int:
    return len(SENTENCE_END.findall(text.strip()))
