"""Reads a system prompt, or a request's wishes, into instructions."""

import re

from services.common.llm.simulated.instructions import SILENT, Finding, Instructions, apply_finding
from services.common.llm.simulated.instructions_forms import find_forms
from services.common.llm.simulated.instructions_replies import find_replies
from services.common.llm.simulated.instructions_sentences import (
    Sentence,
    split_clauses,
    split_sentences,
)

ATTENDED_CHARACTERS = 8000
WISHES_CHARACTERS = 2000
CODE_BLOCK = re.compile(r"```.*?(?:```|\Z)", re.S)


def read_instructions(prompt: str) -> Instructions:
    """What `prompt` asks for; of contradictory instructions the last one counts.

    Only the last 8,000 characters of a long prompt are attended to.
    """
    instructions = SILENT
    for sentence in split_sentences(prompt[-ATTENDED_CHARACTERS:]):
        for finding in (*_find_in_sentence(sentence), *find_replies(sentence)):
            instructions = apply_finding(instructions, finding)
    return instructions


def read_wishes(request: str) -> Instructions:
    """What a request says about language and form; its code blocks say nothing."""
    text = CODE_BLOCK.sub("\n", request)
    if len(text) > 2 * WISHES_CHARACTERS:
        text = text[:WISHES_CHARACTERS] + "\n" + text[-WISHES_CHARACTERS:]
    wishes = SILENT
    for sentence in split_sentences(text):
        for finding in _find_in_sentence(sentence):
            wishes = apply_finding(wishes, finding)
    return wishes


def _find_in_sentence(sentence: Sentence) -> list[Finding]:
    findings: list[Finding] = []
    for clause in split_clauses(sentence):
        findings.extend(find_forms(clause))
    return sorted(findings, key=lambda finding: finding.position)
