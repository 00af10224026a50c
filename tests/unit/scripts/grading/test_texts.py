"""Every code has its sentence in both languages, with the facts that come with it."""

import re
import string
import tomllib
from pathlib import Path
from typing import Any

import grading
import pytest
from grading.http import Reply
from grading.observations import SERVICES
from grading.observing import services
from grading.observing.probes import send_more_probes, send_probes
from grading.observing.services import Services
from grading.options import LANGUAGES
from grading.result import CheatingCode, Code, Dimension, Hint, InsightCode

FOLDER = Path(grading.__file__).parent
NOBODY = Services(dict.fromkeys(SERVICES, "http://localhost:1"), timeout_seconds=1)
DECLARED = {
    name: set(re.split(r",\s*", facts.strip()))
    for name, facts in re.findall(
        r'^    [A-Z_]+ = "(\w+)"  # (.+)$', (FOLDER / "result.py").read_text(), re.M
    )
}


def read(language: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / "texts" / f"{language}.toml").read_text(encoding="utf-8"))


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_a_text_and_every_text_a_code(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = read(language)
    monkeypatch.setattr(services, "send", lambda *_, **__: Reply(None, "", "", 0.0))
    probes = [one.name for one in (*send_probes(NOBODY), *send_more_probes(NOBODY))]
    assert set(texts["dimensions"]) == set(Dimension)
    assert set(texts["deductions"]) == set(Code)
    assert set(texts["cheating"]) == set(CheatingCode)
    assert set(texts["insights"]) == set(InsightCode)
    assert set(texts["hints"]) == set(Hint)
    assert len(probes) > 15
    assert set(texts["probes"]) == set(probes)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_tells_the_facts_that_come_with_its_code(language: str) -> None:
    texts = read(language)
    assert set(DECLARED) == set(Code) | set(CheatingCode) | set(InsightCode)
    for kind in ("deductions", "cheating", "insights"):
        for code, text in texts[kind].items():
            assert placeholders(text) == DECLARED[code], code


def test_both_languages_say_the_same_things() -> None:
    english, korean = read("en"), read("ko")
    assert {kind: set(texts) for kind, texts in english.items()} == {
        kind: set(texts) for kind, texts in korean.items()
    }
    for name, text in english["report"].items():
        assert placeholders(text) == placeholders(korean["report"][name]), name
