"""Knows what a person's rows say, and finds it in what was made of them. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from services.common.chat.messages import SYSTEM_ROLES, ChatInput
from services.common.presentation.detail_reading import show_line
from services.common.record.text_lint import ERASED
from services.optimizer.app.services.heal.report_parts import MAX_TEXT_CHARACTERS
from services.optimizer.app.services.proof.replay_results import ReplayInput

# What is shorter could be anybody's words: it is found only where reports have inputs.
LEAST_CHARACTERS: Final = 20
# Where reports, and files of golden inputs, have inputs: whole, or cut as reports cut them.
INPUT_KEYS: Final = frozenset({"text", "inputs", "mends", "breaks", "input"})
# How our codes are written, which anybody could send to have a run lose its reason.
_is_code: Final = re.compile(r"[a-z]+(_[a-z]+)+").fullmatch
# What `candidate_lint` tells of words that a candidate has from anybody's request or answer.
_BORROWED: Final = re.compile(r'(it has words from requests or answers: ")[^"]*')


class PersonsTexts:
    """Texts of one person's.

    Attributes:
        serving: Prompts that serve now, which aren't changed.
        left: Those of them that hold a text of the person's, each with the rows that said it.
        digests: Fingerprints of what the person asked.
    """

    def __init__(self, serving: Iterable[str] = ()) -> None:
        self.serving = frozenset(serving)
        self.left: dict[str, set[int]] = defaultdict(set)
        self.digests: set[str] = set()
        self._inputs: set[str] = set()
        self._by_head: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))

    def add(self, row: Mapping[str, Any], older_prompts: Iterable[str]) -> None:
        """Take in what a row says.

        Args:
            row: Of `execution_logs`, with `messages`, `choices` and `variables` of its
                conversation; None where it has none.
            older_prompts: Prompts that were there before: what stands in one isn't from this row.
        """
        asked = row["user_input"]
        self._inputs |= {
            text
            for text in (asked, asked[:MAX_TEXT_CHARACTERS], _show(asked[:MAX_TEXT_CHARACTERS]))
            if text
        }
        conversation = ChatInput(row["messages"]) if row["messages"] else None
        refined = row["refined_input"] or asked
        if conversation or refined:
            replay = ReplayInput("", asked, refined, "", conversation=conversation)
            self.digests.add(replay.fingerprint)
        said = [one for one in row["messages"] or () if one.get("role") not in SYSTEM_ROLES]
        known = [asked, refined, row["worker_output"], said, row["choices"], row["variables"]]
        prompts = list(older_prompts)
        for text in {text.strip() for text in _list_texts(known)}:
            is_long = len(text) >= LEAST_CHARACTERS and not _is_code(text)
            if is_long and not any(text in prompt for prompt in prompts):
                self._by_head[text[:LEAST_CHARACTERS]][text].add(row["id"])

    def erase_from(self, value: Any, name: str = "") -> Any:
        """Copy JSON with a mark in place of what the person said.

        Args:
            name: The key that the value, or the list that it is in, stands under.
        """
        match value:
            case dict():
                return {key: self.erase_from(item, key) for key, item in value.items()}
            case list():
                return [self.erase_from(item, name) for item in value]
            case str():
                return self._erase_from_text(value, name)
            case _:
                return value

    def _erase_from_text(self, text: str, name: str) -> str:
        if text in self.digests or (name in INPUT_KEYS and text in self._inputs):
            return ERASED
        kept, end = [], 0
        for start, stop, rows in self._find(text):
            if text in self.serving:
                self.left[text] |= rows
                continue
            if start >= end:
                kept += [text[end:start], ERASED]
            end = max(end, stop)
        return _BORROWED.sub(rf"\1{ERASED}", "".join((*kept, text[end:])))

    def _find(self, text: str) -> Iterator[tuple[int, int, set[int]]]:
        """Find where the person's texts stand, from left to right, and the rows that say them."""
        for at in range(len(text) - LEAST_CHARACTERS + 1 if self._by_head else 0):
            for one, rows in self._by_head.get(text[at : at + LEAST_CHARACTERS], {}).items():
                if text.startswith(one, at):
                    yield at, at + len(one), rows


def _show(text: str) -> str:
    """Put a text as a report of heals without a repair does."""
    return show_line(text, most=MAX_TEXT_CHARACTERS)


def _list_texts(value: Any) -> Iterator[str]:
    match value:
        case dict():
            yield from _list_texts(list(value.values()))
        case list():
            for item in value:
                yield from _list_texts(item)
        case str():
            yield value
