"""Reads COPRO's proposals from a small model's reply: the parser that it lacks. Pure.

DSPy's own parser wants `[[ ## proposed_instruction ## ]]` on a line of its own and a second field
after it, and ends the whole search where one of them is missing. SmolLM2-135M never writes both.
"""

import re

MAX_PROPOSAL_CHARACTERS = 1500
MAX_QUESTION_CHARACTERS = 5000
# What stands around a field's name; no pattern begins with it, for the sake of speed.
_DECORATION = "[]#*_`: -\n\t"
_AROUND = "\"'“”`\n\t "
_INSTRUCTION = re.compile(r"\bproposed[_ ]instruction\b", re.IGNORECASE)
_NEXT_FIELD = re.compile(r"\bproposed[_ ]prefix|\[\[ ?##|\bcompleted ##", re.IGNORECASE)


def read_instruction(reply: str, *, fallback: str) -> str:
    """Read the instruction in a reply: the text after its name, else all of the reply.

    Args:
        reply: What the model wrote.
        fallback: What stands for an empty instruction, which COPRO can't evaluate.
    """
    name = _INSTRUCTION.search(reply)
    text = reply[name.end() :].lstrip(_DECORATION) if name else reply
    following = _NEXT_FIELD.search(text)
    if following:
        text = text[: following.start()].rstrip(_DECORATION)
    return text.strip(_AROUND)[:MAX_PROPOSAL_CHARACTERS].strip() or fallback


def shorten_question(question: str) -> str:
    """Cut the middle of a question so that it and its answer fit a context of 2,048 tokens.

    COPRO lists its attempts from the worst to the best, and says before and after what it wants.
    """
    if len(question) <= MAX_QUESTION_CHARACTERS:
        return question
    half = MAX_QUESTION_CHARACTERS // 2
    return f"{question[:half]}\n[...]\n{question[-half:]}"


def ask_for_another(question: str, number: int) -> str:
    """Write the question for the proposal of this number.

    COPRO asks one question many times, at a high temperature. The model at hand has none that
    could be set, and would propose the same thing each time. The line comes first: SmolLM2-135M
    repeats a last line instead of answering.
    """
    return question if number == 1 else f"Attempt {number}: be creative.\n\n{question}"
