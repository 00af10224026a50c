"""The three forms of a request: with its examples, with one of them, with none."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

FORMS: Final = ("examples", "one", "none")
FORM_TITLES: Final = {"examples": "with examples", "one": "one example", "none": "none"}


@dataclass(frozen=True, slots=True)
class Example:
    """An example that a request shows: a call and the value that it must return.

    Attributes:
        call: A Python expression.
        expected: Another, for the call's value.
    """

    call: str
    expected: str

    @property
    def assertion(self) -> str:
        """The statement that holds if the example is kept."""
        return f"assert ({self.call}) == ({self.expected})"


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """One way of asking for a task.

    Attributes:
        text: The request, as its user writes it.
        examples: What it shows, in its order.
    """

    text: str
    examples: tuple[Example, ...]


STYLES: Final[tuple[Callable[[Example], str], ...]] = (
    lambda example: f"{example.call} == {example.expected}",
    lambda example: f">>> {example.call}\n{example.expected}",
    lambda example: f"{example.call} -> {example.expected}",
    lambda example: f"`{example.call}` should return `{example.expected}`.",
    lambda example: f"{example.call} returns {example.expected}",
)


def show_examples(text: str, examples: Sequence[Example], *, style: int) -> str:
    """Put examples under a request, in one of the ways in which people write them."""
    if not examples:
        return text
    opening = "For example:" if len(examples) == 1 else "Examples:"
    lines = [STYLES[style % len(STYLES)](example) for example in examples]
    return "\n".join((text, "", opening, *lines))


def pick(name: str, count: int) -> int:
    """Pick a number in [0, count) that a name always gets, on every machine."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % count
