"""Reads calls whose arguments are texts without quotation marks: `is_happy(abcd) => False`."""

import keyword
import re
from dataclasses import dataclass, field

from services.evaluator.app.services.examples.example import (
    BUILTINS,
    HEADING,
    Call,
    parameter_names,
)
from services.evaluator.app.services.examples.literals import LOOSE_WORDS

WORDS_CALL = re.compile(
    r"([A-Za-z_]\w{0,79})\(\s{0,2}([A-Za-z]{1,40}(?:\s{0,2},\s{0,2}[A-Za-z]{1,40}){0,5})\s{0,2}\)",
    re.ASCII,
)
SIGNATURE = re.compile(r"\bdef\s+([A-Za-z_]\w{0,79})\s*(\([^()]{0,300}\))")
# What the request gives a name to: `x = 3`, `letters` in backticks.
NAMED = re.compile(
    r"(?<!\w)[A-Za-z_]\w{0,40}(?=\s{0,2}=(?!=|>))|(?<=`)[A-Za-z_]\w{0,40}(?=`)", re.ASCII
)
WORD = re.compile(r"(?<![\w.])[A-Za-z]{2,40}(?!\w)", re.ASCII)
LONG_ENOUGH = 3


@dataclass(slots=True)
class WordArguments:
    """Reads such calls from a text whose words can't be the names of variables."""

    text: str
    _heading: int = field(init=False)
    _calls: dict[str, set[str]] = field(init=False, default_factory=dict)
    _names: set[str] = field(init=False)

    def __post_init__(self) -> None:
        heading = HEADING.search(self.text)
        self._heading = heading.end() if heading else len(self.text)
        for match in WORDS_CALL.finditer(self.text, self._heading):
            self._calls.setdefault(match[1], set()).update(_words_in(match))
        prose = WORDS_CALL.sub(" ", self.text)
        self._names = {*NAMED.findall(self.text), *WORD.findall(prose)}

    def read_call(self, text: str, start: int) -> Call | None:
        """Read the call that begins at `start`, with its words as texts; None where it is none."""
        match = WORDS_CALL.match(text, start) if start >= self._heading else None
        if match is None or not self._are_texts(match[1]):
            return None
        arguments = ", ".join(map(repr, _words_in(match)))
        return Call(match[1], f"{match[1]}({arguments})", match.end())

    def _are_texts(self, function: str) -> bool:
        """Whether no word of any such call can be a variable's or a value's name.

        What shows it is a signature with other parameters, or several calls with several words.
        """
        words = self._calls.get(function, set())
        if not words or any(
            word in self._names
            or word in BUILTINS
            or keyword.iskeyword(word)
            or word.lower() in LOOSE_WORDS
            for word in words
        ):
            return False
        parameters = {
            name for match in SIGNATURE.finditer(self.text) if match[1] == function
            for name in parameter_names(match[2])
        }  # fmt: skip
        if parameters:
            return not words & parameters
        return len(words) > 1 and max(map(len, words)) >= LONG_ENOUGH


def _words_in(call: re.Match[str]) -> list[str]:
    return [word.strip() for word in call[2].split(",")]
