"""The golden inputs of code generation: their shape, and the truth of what they show."""

import ast
import json
import math
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from itertools import combinations, groupby

import pytest
from support.rows import for_each

from services.common.task_types import open_task_types
from services.common.task_types.reading import GOLDEN_INPUTS_FILE
from services.common.task_types.registry import BUILT_IN_DIRECTORY as ROOT

HALVES = json.loads((ROOT / "code_generation" / GOLDEN_INPUTS_FILE).read_text(encoding="utf-8"))
ENTRIES = [entry for half in HALVES.values() for entry in half]
BY_ID = {entry["id"]: entry for entry in ENTRIES}
every_entry = for_each(ENTRIES, name=lambda entry: entry["id"])
HANGUL = re.compile("[가-힣]")
LOOKS_LIKE_AN_EXAMPLE = re.compile(r"==|->|>>>|\breturns .+ for \d|\breturns [\[{]|\be\.g\.|예:")


def flatten(lists: list[list[object]]) -> list[object]:
    return [item for inner in lists for item in inner]


def two_sum(numbers: list[int], target: int) -> tuple[int, int]:
    pairs = combinations(range(len(numbers)), 2)
    return next((a, b) for a, b in pairs if numbers[a] + numbers[b] == target)


def caesar_encrypt(text: str, shift: int) -> str:
    def move(letter: str) -> str:
        first = ord("a") if letter.islower() else ord("A")
        return chr((ord(letter) - first + shift) % 26 + first)

    return "".join(move(letter) if letter.isalpha() else letter for letter in text)


def chunk(items: Sequence[object], size: int) -> list[Sequence[object]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def days_between(first: str, second: str) -> int:
    return abs((date.fromisoformat(second) - date.fromisoformat(first)).days)


def rotate(items: list[object], places: int) -> list[object]:
    start = -places % len(items) if items else 0
    return items[start:] + items[:start]


def max_subarray(numbers: list[int]) -> int:
    ranges = combinations(range(len(numbers) + 1), 2)
    return max(sum(numbers[start:end]) for start, end in ranges)


def run_length_encode(text: str) -> str:
    return "".join(f"{character}{len(list(run))}" for character, run in groupby(text))


def format_seconds(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def group_by_first_letter(words: list[str]) -> dict[str, list[str]]:
    groups = defaultdict(list)
    for word in words:
        groups[word[0]].append(word)
    return dict(groups)


def is_balanced(text: str) -> bool:
    shorter = re.sub(r"\(\)|\[\]|\{\}", "", text)
    return not text if shorter == text else is_balanced(shorter)


REFERENCES: dict[str, Callable[..., object]] = {
    "factorial": math.factorial,
    "binary_search": lambda items, target: items.index(target) if target in items else -1,
    "flatten": flatten,
    "two_sum": two_sum,
    "caesar_encrypt": caesar_encrypt,
    "to_fahrenheit": lambda celsius: celsius * 9 / 5 + 32,
    "chunk": chunk,
    "days_between": days_between,
    "is_anagram": lambda first, second: Counter(first) == Counter(second),
    "gcd": math.gcd,
    "insert_position": bisect_left,
    "rotate": rotate,
    "max_subarray": max_subarray,
    "run_length_encode": run_length_encode,
    "format_seconds": format_seconds,
    "group_by_first_letter": group_by_first_letter,
    "weekday_name": lambda day: date.fromisoformat(day).strftime("%A"),
    "is_balanced": is_balanced,
}

# Where an example stands in the input: the text that shows it, and the call that it means.
# The value is what the text shows behind (or, in words, before) the arguments.
SHOWN = [
    ("cg-002", "returns 120 for 5", "factorial(5)", "120"),
    ("cg-003", ">>> binary_search([1, 3, 5, 7], 5)\n2", "binary_search([1, 3, 5, 7], 5)", "2"),
    (
        "cg-005",
        "flatten([[1, 2], [3], []]) == [1, 2, 3]",
        "flatten([[1, 2], [3], []])",
        "[1, 2, 3]",
    ),
    ("cg-007", "two_sum([2, 7, 11, 15], 9) -> (0, 1)", "two_sum([2, 7, 11, 15], 9)", "(0, 1)"),
    (
        "cg-009",
        'caesar_encrypt("Abc, xyz!", 3) == "Def, abc!"',
        'caesar_encrypt("Abc, xyz!", 3)',
        '"Def, abc!"',
    ),
    ("cg-013", "returns 212.0 for 100", "to_fahrenheit(100)", "212.0"),
    (
        "cg-016",
        "chunk([1, 2, 3, 4, 5], 2) returns [[1, 2], [3, 4], [5]]",
        "chunk([1, 2, 3, 4, 5], 2)",
        "[[1, 2], [3, 4], [5]]",
    ),
    (
        "cg-020",
        "days_between('2024-02-28', '2024-03-01') == 2",
        "days_between('2024-02-28', '2024-03-01')",
        "2",
    ),
    (
        "cg-023",
        "is_anagram('listen', 'silent') == True",
        "is_anagram('listen', 'silent')",
        "True",
    ),
    ("cg-028", "returns 6 for 54 and 24", "gcd(54, 24)", "6"),
    ("cg-029", ">>> insert_position([1, 3, 5, 7], 4)\n2", "insert_position([1, 3, 5, 7], 4)", "2"),
    (
        "cg-031",
        "rotate([1, 2, 3, 4], 1) == [4, 1, 2, 3]",
        "rotate([1, 2, 3, 4], 1)",
        "[4, 1, 2, 3]",
    ),
    (
        "cg-033",
        "max_subarray([-2, 1, -3, 4, -1, 2, 1, -5, 4]) -> 6",
        "max_subarray([-2, 1, -3, 4, -1, 2, 1, -5, 4])",
        "6",
    ),
    (
        "cg-035",
        'run_length_encode("aaabcc") == "a3b1c2"',
        'run_length_encode("aaabcc")',
        '"a3b1c2"',
    ),
    ("cg-039", "returns '1:01:01' for 3661", "format_seconds(3661)", "'1:01:01'"),
    (
        "cg-042",
        (
            "group_by_first_letter(['apple', 'avocado', 'bean']) returns "
            "{'a': ['apple', 'avocado'], 'b': ['bean']}"
        ),
        "group_by_first_letter(['apple', 'avocado', 'bean'])",
        "{'a': ['apple', 'avocado'], 'b': ['bean']}",
    ),
    (
        "cg-046",
        "weekday_name('2024-01-01') == 'Monday'",
        "weekday_name('2024-01-01')",
        "'Monday'",
    ),
    ("cg-049", "is_balanced('([]{})') == True", "is_balanced('([]{})')", "True"),
]


def normalise(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def test_the_halves_are_large_enough_and_alike() -> None:
    assert list(HALVES) == ["choosing", "verdict"]
    choosing, verdict = HALVES.values()
    assert len(choosing) == len(verdict) >= 24
    for trait in (
        lambda entry: entry["examples"] > 0,
        lambda entry: "function" in entry,
        lambda entry: HANGUL.search(entry["input"]) is not None,
        lambda entry: " class " in f" {entry['input']} ",
    ):
        assert sum(map(trait, choosing)) == sum(map(trait, verdict)) > 0


def test_ids_are_unique() -> None:
    assert len(BY_ID) == len(ENTRIES)


def test_no_input_occurs_twice_within_or_across_the_halves() -> None:
    assert len({normalise(entry["input"]) for entry in ENTRIES}) == len(ENTRIES)


@every_entry
def test_an_entry_is_well_formed(entry: dict[str, object]) -> None:
    assert set(entry) - {"function"} == {"id", "input", "examples", "checks"}
    text = entry["input"]
    assert isinstance(text, str)
    assert text == text.strip()
    assert 5 <= len(text.split()) <= 60
    assert re.search(rf"\b{entry.get('function', '')}\b", text)
    assert entry["examples"] == [shown[0] for shown in SHOWN].count(str(entry["id"]))


@every_entry
def test_every_example_that_an_input_shows_is_counted(entry: dict[str, object]) -> None:
    shows_one = LOOKS_LIKE_AN_EXAMPLE.search(str(entry["input"])) is not None
    assert shows_one == (entry["examples"] != 0)


@pytest.mark.parametrize(("entry_id", "shown", "call", "value"), SHOWN, ids=lambda part: part)
def test_an_example_that_an_input_shows_is_true(
    entry_id: str, shown: str, call: str, value: str
) -> None:
    entry = BY_ID[entry_id]
    name, _, arguments = call.partition("(")

    assert shown in entry["input"]
    assert value in shown
    assert call in shown or all(part in shown for part in arguments.rstrip(")").split(", "))
    assert entry.get("function", name) == name
    assert eval(call, dict(REFERENCES)) == ast.literal_eval(value)


def test_the_loader_gives_both_halves() -> None:
    golden_inputs = open_task_types(None).golden_inputs("code_generation")
    assert golden_inputs.choosing == tuple(entry["input"] for entry in HALVES["choosing"])
    assert golden_inputs.verdict == tuple(entry["input"] for entry in HALVES["verdict"])
