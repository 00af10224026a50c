"""Splits what a model wrote into its reasoning and its answer. Pure, and linear in the text.

Models tell the two apart by tags (`<think>`, `[THINK]`, `<|START_THINKING|>`), by channels
(`<|channel|>analysis<|message|>`) and by tokens that end a turn (`<|im_end|>`). All are of one
grammar: brackets around a name, and words in the name that say what begins or ends there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

REASONING = frozenset(
    """think thinking antthinking thought thoughts reason reasoning reflect reflection analysis
    scratchpad rationale monologue deliberation inner cot draft plan planning commentary""".split()
)
ANSWER = frozenset("answer solution response final output".split())
ENDS = frozenset("end suffix return eos eot eom endoftext".split())
BARS = frozenset("|\uff5c")
AFFIXES = frozenset("begin start end of prefix suffix seed".split())
CHANNEL = re.compile(r"channel|unused\d+")
SAID = re.compile(rf"\s*({'|'.join(sorted(REASONING | ANSWER, key=len, reverse=True))})\b", re.I)
ROLE = re.compile(r"\s*(?:assistant|model|user|system)\b[ \t]*\n?")
MARK = re.compile(
    r"""
    (?:^(?:[ \t>*+-]|\d{1,9}[.)])*|(?<=[>\]▷]))(?P<fence>`{3,}(?=[^`\n]*$|[<\[◁])|~{3,})
        (?=(?P<bare>[ \t\r]*(?:$|[<\[◁]))?)
    |(?:(?P<first>^[ \t]*)?(?<!["'])(?<!(?<!``)`)
        (?P<left>[<\[◁][/|\uff5c]{0,2})(?P<name>[A-Za-z][\w:▁.-]{0,40})
        (?:\s[^<>\n]{0,80})?(?P<right>[/|\uff5c]{0,2})[>\]▷](?!["'(]|`(?!``))
     |^Here(?:'s|[ ]is)[ ]my[ ](?P<phrase>thought|response)(?:[ ]process)?:
    )(?=(?P<last>[ \t\r]*(?:$|[<\[◁]))?)""",
    re.M | re.X,
)


@dataclass(frozen=True, slots=True)
class ModelText:
    """A model's text in its two parts.

    Attributes:
        final: The answer; empty where the text is reasoning throughout.
        reasoning: What the model wrote on its way there.
    """

    final: str
    reasoning: str


@dataclass(frozen=True, slots=True)
class _Mark:
    """A fence, or a name in brackets: where it stands, and what begins or ends there."""

    start: int
    end: int
    means: Literal["fence", "reasoning", "answer", "turn", "token"]
    name: str
    closes: bool = False
    is_token: bool = False
    first: bool = False
    last: bool = False


def split_reasoning(text: str) -> ModelText:
    """Split a model's text into its reasoning and the answer after it.

    A tag in a fenced block, in quotes or amid a line is part of the answer. A closing tag alone
    makes all before it reasoning: chat templates write the opening one themselves.
    """
    before, said, after = text.rpartition("assistantfinal")
    if said and before.startswith("analysis"):  # channels whose tokens were left out
        return ModelText(after, before.removeprefix("analysis"))
    marks = list(_find_marks(text))
    tail = len(text)
    for mark in reversed(marks):
        if mark.means == "turn" and not text[mark.end : tail].strip():
            tail = mark.start
    split = _Split(text[:tail], {mark.name: mark.start for mark in marks if mark.closes})
    for mark in marks:
        if mark.start < tail and not split.take(mark):
            break
    else:
        split.keep(tail)
    final = "".join(split.final)
    return ModelText(final if final.strip() else "", "".join(split.reasoning).strip())


@dataclass(slots=True)
class _Split:
    """A text as far as it is split.

    Attributes:
        closings: Where a tag of each name closes for the last time.
        final: What is answer, in parts, unless a closing tag alone follows.
        opened: Name of the reasoning that is open; empty amid the answer.
        in_answer: Whether the answer has an opening tag.
        amid: An opening tag amid a line, which counts if its closing one does.
    """

    text: str
    closings: dict[str, int]
    final: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    opened: str = ""
    nested: int = 0
    in_answer: bool = False
    start: int = 0
    fence: str = ""
    amid: _Mark | None = None

    def take(self, mark: _Mark) -> bool:
        """Go on to a mark; False where the answer ends at it."""
        if mark.means == "fence":
            if not self.fence:
                self.fence = mark.name
            elif mark.last and mark.name.startswith(self.fence):
                self.fence = ""
            self.amid = None
        elif self._counts(mark):
            return self._turn(mark)
        elif mark.means == "reasoning" and not (self.fence or self.opened or mark.closes):
            self.amid = mark
        return True

    def keep(self, end: int, *, skip_to: int = 0) -> None:
        """Put what was read since the last mark to its part."""
        (self.reasoning if self.opened else self.final).append(self.text[self.start : end])
        self.start, self.fence, self.amid = skip_to, "", None

    def _counts(self, mark: _Mark) -> bool:
        if self.fence:
            alone = mark.last and mark.closes
            return bool(self.opened) and (mark.is_token or alone)
        awaited = self.opened or (self.in_answer if mark.means == "answer" else self.nested)
        if self.opened and mark.means == "reasoning":
            return True
        if mark.name == "s":
            return False  # struck out in HTML, but at the end of the text
        return bool(mark.closes and awaited) or mark.first or mark.last or mark.is_token

    def _turn(self, mark: _Mark) -> bool:
        if self.opened and mark.means == "reasoning":
            comes_later = self.closings.get(self.opened, 0) > mark.start
            self.nested += not mark.closes and mark.name == self.opened
            if not mark.closes or (mark.name != self.opened and comes_later):
                return True
        is_reasoning, alone = mark.means == "reasoning", mark.closes and not self.opened
        if is_reasoning and alone and self.amid:
            opening, alone = self.amid, False
            self.keep(opening.start, skip_to=opening.end)
            self.opened = opening.name
        # What stands between the first token of a turn and this one is a header.
        self.keep(self.start if mark.name == "message" else mark.start, skip_to=mark.end)
        if mark.means == "turn":
            self.opened = ""
            return not any(part.strip() for part in self.final)
        if is_reasoning:
            self.opened = "" if mark.closes else mark.name
        if mark.means == "answer":
            self.opened, self.in_answer = "", not mark.closes
        opens = mark.means == "answer" and self.in_answer
        if mark.name == "output" and any(part.strip() for part in self.final):
            opens = False  # what a program prints
        if opens or (is_reasoning and alone):
            self.reasoning += self.final
            self.final, self.nested = [], max(0, self.nested - 1)
        return True


def _find_marks(text: str) -> Iterator[_Mark]:
    end = 0
    for match in MARK.finditer(text):
        adjoins = not text[end : match.start()].strip()
        end = match.end()
        last = match["bare" if match["fence"] else "last"] is not None
        if match["fence"]:
            yield _Mark(match.start(), end, "fence", match["fence"], last=last)
            continue
        left, right = match["left"] or "", match["right"] or ""
        name = (match["name"] or match["phrase"]).lower()
        if left == "[" and not match["name"].isupper():
            continue
        is_token = bool(BARS & set(left + right))
        ends_bare = left == "<" and bool(BARS & set(right))
        if CHANNEL.fullmatch(name):
            said = SAID.match(text, end)
            name, end = (said[1].lower(), said.end()) if said else ("end", end)
            is_token = True
        words = set(re.split(r"[\W_]+", name))
        ends = bool(words & ENDS) or ends_bare
        closes = "/" in left or ends
        means: Literal["reasoning", "answer", "turn", "token"] = "token"
        if words & REASONING:
            means = "reasoning"
        elif words & ANSWER:
            means = "answer"
        elif (ends and closes) or left + name == "</s":
            means = "turn"
        elif not is_token:
            continue
        if means == "token" and (role := ROLE.match(text, end)):
            end = role.end()
        first = adjoins or match["first"] is not None or match["phrase"] is not None
        name = " ".join(sorted(words - AFFIXES))
        yield _Mark(match.start(), end, means, name, closes, is_token, first, last)
