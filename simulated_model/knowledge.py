"""The programming tasks that the simulated model knows, and which one a request asks for."""

import math
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from simulated_model.words import tokenize

TASK_DIRECTORY = Path(__file__).parent / "tasks"
FENCED = re.compile(r"(```+|~~~+).*?(?:\1|\Z)", re.S)

# Left out of patterns: they tell no two tasks apart.
LEFT_OUT = frozenset("a an the of in on for from with and given".split())
# May stand between the words of a pattern without making the match worse.
FREE_WORDS = frozenset(
    tokenize(
        """a an the of in on for from with and given or is are be to by at as into it its this that
        these those which whose all any every each some my your i me you can should could would
        if whether do does return returns take takes using use new simple single valid input
        function method python code number element string two 주어진 모든 각 두 수 숫자 함수"""
    )
)
MAX_OTHER_WORDS_BETWEEN = 2
MAX_FREE_WORDS_BETWEEN = 5
OTHER_WORD_PENALTY = 0.75
# Whoever asks the model asks for the task several times: for code, name and explanation.
CACHED_REQUESTS = 1024

# Writing that is no program, and technologies that Python and JavaScript functions can't answer.
NOT_A_PROGRAM = re.compile(
    r"\b(?:write|compose|draft|create|give|tell)\b(?:\s+\w+){0,3}?\s+"
    r"(?:haiku|poem|sonnet|limerick|essay|story|song|lyrics|joke|speech|letter|blog|article|"
    r"recipe|resume|tagline|slogan)s?\b",
    re.I,
)
OTHER_TECHNOLOGY = frozenset(
    tokenize("sql css dockerfile nginx kubernetes terraform ansible apache makefile powershell")
)


@dataclass(frozen=True, slots=True)
class Task:
    """A programming task with its answer.

    Attributes:
        patterns: Phrases that ask for it, in lower case.
        javascript: Complete JavaScript code; empty where none is written.
        unless: Words that make a request another one, whatever pattern it meets.
    """

    name: str
    patterns: tuple[str, ...]
    python: str
    example: str
    javascript: str = ""
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A task's phrase as stems, with the weight of all its words."""

    stems: tuple[str, ...]
    weight: float
    task: Task
    unless: frozenset[str]


@cache
def load_tasks() -> tuple[Task, ...]:
    """Load every known task, in the order of the data files, on the first call.

    Raises:
        ValueError: If two tasks have the same name.
    """
    tasks: dict[str, Task] = {}
    for path in sorted(TASK_DIRECTORY.glob("*.toml")):
        for name, fields in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if name in tasks:
                raise ValueError(f"{path.name} defines task {name!r} a second time")
            tasks[name] = Task(
                name=name,
                patterns=tuple(fields["patterns"]),
                python=fields["python"].strip(),
                example=fields["example"],
                javascript=fields.get("javascript", "").strip(),
                unless=tuple(fields.get("unless", ())),
            )
    return tuple(tasks.values())


@lru_cache(maxsize=CACHED_REQUESTS)
def find_task(request: str) -> Task | None:
    """Find the task that a request asks for; None where it asks for none that is known.

    Of the patterns whose words all occur in the request, in order and close together, the most
    specific wins: the one with the most and the rarest words. Code blocks are not read.
    """
    prose = FENCED.sub(" ", request)
    words = tokenize(prose)
    present = frozenset(words)
    if present & OTHER_TECHNOLOGY or NOT_A_PROGRAM.search(prose):
        return None
    positions = defaultdict(list)
    for position, word in enumerate(words):
        positions[word].append(position)
    found = [
        ((pattern.weight - OTHER_WORD_PENALTY * other_words, -start), pattern.task)
        for pattern in _patterns()
        if present.issuperset(pattern.stems) and present.isdisjoint(pattern.unless)
        for start in positions[pattern.stems[0]]
        if (other_words := _other_words_within(pattern.stems, words, start)) is not None
    ]
    return max(found, key=lambda ranked: ranked[0])[1] if found else None


@cache
def _patterns() -> tuple[_Pattern, ...]:
    """Build the patterns of all tasks; a word weighs more where fewer tasks use it."""
    tasks = load_tasks()
    stems = {
        phrase: tuple(stem for stem in tokenize(phrase) if stem not in LEFT_OUT)
        for task in tasks
        for phrase in task.patterns
    }
    spoken_of = Counter(
        stem for task in tasks for stem in {s for phrase in task.patterns for s in stems[phrase]}
    )
    return tuple(
        _Pattern(
            stems=stems[phrase],
            weight=sum(1 + math.log(len(tasks) / spoken_of[stem]) for stem in stems[phrase]),
            task=task,
            unless=frozenset(tokenize(" ".join(task.unless))),
        )
        for task in tasks
        for phrase in task.patterns
    )


def _other_words_within(stems: Sequence[str], words: Sequence[str], start: int) -> int | None:
    """Count the words between a pattern's own that aren't free; None if the pattern isn't there."""
    position, other_words = start, 0
    for stem in stems[1:]:
        free_words = 0
        position += 1
        while position < len(words) and words[position] != stem:
            if words[position] in FREE_WORDS:
                free_words += 1
            else:
                other_words += 1
            if other_words > MAX_OTHER_WORDS_BETWEEN or free_words > MAX_FREE_WORDS_BETWEEN:
                return None
            position += 1
        if position == len(words):
            return None
    return other_words
