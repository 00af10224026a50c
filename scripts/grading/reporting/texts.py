"""The sentences of a language, filled with facts that may have come from a hostile system."""

import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from grading.result import Cheating, Deduction, Dimension, Fact, Facts, Hint, Insight, Report

FOLDER: Final = Path(__file__).parent.parent / "texts"
MOST_CHARACTERS: Final = 400
SUBSTITUTE: Final = "·"
NOTHING: Final = "-"
# Facts that name probes, by their codes.
PROBE_FACTS: Final = ("probe", "unhandled")

Escape = Callable[[str], str]


def make_visible(text: str, *, most: int = MOST_CHARACTERS) -> str:
    """Make a text of the graded system safe to show: one line, no control characters, short."""
    shown = text if len(text) <= most else text[: most - 1] + "…"
    return "".join(
        " " if character in "\n\t\r" else SUBSTITUTE if _is_invisible(character) else character
        for character in shown
    ).strip()


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


class Texts:
    """All that is said in one language."""

    def __init__(self, language: str, content: Mapping[str, Any]) -> None:
        self.language = language
        self._content = content

    def label(self, name: str, **values: Fact) -> str:
        """Return a heading or label of the report."""
        return self._fill(self._content["report"][name], values, str)

    def dimension(self, name: Dimension, what: str) -> str:
        """Return `title`, `measured` or `full` of a dimension."""
        text: str = self._content["dimensions"][name][what]
        return text

    def deduction(self, deduction: Deduction, escape: Escape = str) -> str:
        """Say why points were taken."""
        return self._sentence("deductions", deduction.code, deduction.facts, escape)

    def cheating(self, cheating: Cheating, escape: Escape = str) -> str:
        """Say what cheating was proven."""
        return self._sentence("cheating", cheating.code, cheating.facts, escape)

    def insight(self, insight: Insight, escape: Escape = str) -> str:
        """Say what an insight tells."""
        return self._sentence("insights", insight.code, insight.facts, escape)

    def hint(self, hint: Hint) -> str:
        """Say what to do about a deduction."""
        text: str = self._content["hints"][hint]
        return text

    def fact(self, value: Fact) -> str:
        """Show a value in words."""
        if value is None or value == "":
            return NOTHING
        if isinstance(value, bool):
            return self._content["report"]["yes" if value else "no"]  # type: ignore[no-any-return]
        if isinstance(value, float):
            return f"{value:.3f}".rstrip("0").rstrip(".")
        return make_visible(str(value))

    def _sentence(self, kind: str, code: str, facts: Facts, escape: Escape) -> str:
        named = {
            name: self._name_probes(str(value)) if name in PROBE_FACTS else value
            for name, value in facts.items()
        }
        return self._fill(self._content[kind][code], named, escape)

    def _name_probes(self, codes: str) -> str:
        probes: Mapping[str, str] = self._content["probes"]
        return ", ".join(probes.get(code, code) for code in codes.split(", "))

    def _fill(self, template: str, facts: Facts, escape: Escape) -> str:
        shown = {name: escape(self.fact(value)) for name, value in facts.items()}
        return template.format_map(_OrNothing(shown))


class _OrNothing(dict[str, str]):
    """A fact that is missing is shown as a dash; a report is never lost for it."""

    def __missing__(self, _name: str) -> str:
        return NOTHING


@lru_cache
def read_texts(language: str) -> Texts:
    """Read the texts of a language.

    Args:
        language: `en` or `ko`.
    """
    content = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return Texts(language, content)


def describe_outcome(texts: Texts, *, exit_code: int | None, problem: str) -> str:
    """Describe how a run of the Optimizer ended."""
    return texts.label(problem) if problem else texts.label("exit_code", code=exit_code)


def list_target(report: Report, texts: Texts) -> list[tuple[str, str]]:
    """List what was graded, and with which options, each with its name."""
    target = report.target
    return [
        ("Manager", target.manager_url),
        ("Worker", target.worker_url),
        ("Evaluator", target.evaluator_url),
        (texts.label("database"), target.database),
        (texts.label("optimizer_command"), target.optimizer_command),
        (texts.label("options"), ", ".join(f"{k}={v}" for k, v in report.options.items())),
    ]
