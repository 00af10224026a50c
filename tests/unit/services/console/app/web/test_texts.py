"""The Korean of the pages: each sentence once, with the places of the English one."""

import re
import tomllib
from collections import Counter

from services.common.presentation.wordings import HOLDS
from services.common.record.changes import TextErasedError
from services.console.app.web.texts import TEXTS, load_translation

PLACE = re.compile(r"%(?:\(\w+\))?[sd]")


def test_a_sentence_stands_in_one_table() -> None:
    tables = [tomllib.loads(file.read_text("utf-8")) for file in (TEXTS / "ko").glob("*.toml")]
    found = Counter(sentence for table in tables for sentence in table)
    assert [sentence for sentence, times in found.items() if times > 1] == []


def test_a_translation_has_the_places_of_its_sentence() -> None:
    for english, korean in load_translation("ko").items():
        assert sorted(PLACE.findall(korean)) == sorted(PLACE.findall(english)), english


def test_every_reason_that_a_heal_held_for_is_told_in_korean() -> None:
    korean = load_translation("ko")
    assert [one for told in HOLDS.values() for one in told if one not in korean] == []


def test_why_an_earlier_text_is_not_served_again_is_told_in_korean() -> None:
    assert TextErasedError().message in load_translation("ko")
