import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from grading.options import LANGUAGES
from grading.reporting import render_summary, report_as_json, write_reports
from grading.reporting.summary import columns_of
from grading.reporting.texts import make_visible, read_texts
from grading.result import Report

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Outline(HTMLParser):
    """Tags and attributes of a page, and whether each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["perfect", "hostile"])
def test_the_page_is_whole_and_holds_no_markup_of_the_graded_system(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, language: str
) -> None:
    report: Report = request.getfixturevalue(kind)
    page = write_reports(report, tmp_path / "new", language)[0].read_text(encoding="utf-8")
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    names = {tag for tag, _ in outline.tags}
    assert names.isdisjoint({"script", "iframe", "img", "link", "object", "form"})
    for _, attributes in outline.tags:
        assert not any(name.startswith("on") or name in ("src", "href") for name in attributes)
    assert "url(" not in page
    assert "@import" not in page
    assert "\x00" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "A" * 3000 not in page
    plots = re.findall(r"<svg.*?</svg>", page, re.S)
    assert len(plots) == 3
    for plot in plots:
        root = ElementTree.fromstring(plot)
        assert root.find("title") is not None
        assert root.find("desc") is not None


def test_a_plot_shows_each_request_and_marks_the_heal(perfect: Report, tmp_path: Path) -> None:
    page = write_reports(perfect, tmp_path, "en")[0].read_text(encoding="utf-8")
    scores = page.partition('aria-labelledby="scores-title')[2].partition("</svg>")[0]
    assert scores.count("<circle") == 7
    assert scores.count('class="dot none"') == 3
    assert scores.count('<line class="mark bad"') == 1
    assert scores.count('<line class="mark heal"') == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_markdown_shows_what_was_sent_as_it_was(
    hostile: Report, tmp_path: Path, language: str
) -> None:
    text = write_reports(hostile, tmp_path, language)[1].read_text(encoding="utf-8")
    assert "<script" not in text
    assert "\\*\\*bold\\*\\*" in text
    assert "\x1b" not in text
    tables = [line for line in text.splitlines() if line.startswith("| ")]
    for line in tables:
        assert len(re.findall(r"(?<!\\)\|", line)) in (5, 7)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_summary_says_why_and_what_to_do(hostile: Report, language: str) -> None:
    summary = render_summary(hostile, language)
    texts = read_texts(language)
    flat = re.sub(r"\s+", " ", summary)
    for dimension in hostile.dimensions:
        assert texts.dimension(dimension.name, "title") in summary
        for deduction in dimension.deductions:
            assert re.sub(r"\s+", " ", texts.hint(deduction.hint)) in flat
    assert "7.5" in summary
    assert "\x1b" not in summary


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_path_is_in_one_piece(perfect: Report, language: str) -> None:
    path = "/home/somebody/a-class-room/reports/benchmark/backup-20261127-" + "0" * 60 + "/x.sql"
    assert path in render_summary(replace(perfect, backup=path), language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_bars_stand_below_one_another(perfect: Report, language: str) -> None:
    bars = [line for line in render_summary(perfect, language).splitlines() if "█" in line]
    assert len(bars) == 6
    assert len({columns_of(line.partition("█")[0]) for line in bars}) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_json_has_a_sentence_for_each_code(hostile: Report, language: str) -> None:
    content = json.loads(json.dumps(report_as_json(hostile, language)))
    assert content["language"] == language
    assert content["score"] == hostile.score
    for dimension in content["dimensions"]:
        for deduction in dimension["deductions"]:
            assert deduction["message"]
            assert deduction["what_to_do"]
    assert content["insights"][0]["message"]
    assert content["cheating"][0]["message"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc", "a b c"),
        ("\x1b[31mred", "·[31mred"),
        ("한글 ok", "한글 ok"),
        ("\u202eabc", "·abc"),
        ("\ud800", "·"),
        ("a" * 500, "a" * 399 + "…"),
    ],
)
def test_texts_of_the_graded_system_are_made_visible(text: str, shown: str) -> None:
    assert make_visible(text) == shown


def test_a_fact_that_is_missing_is_a_dash(hostile: Report) -> None:
    (insight,) = hostile.insights
    assert "12" in read_texts("en").insight(insight)
    bare = type(insight)(insight.code, {})
    assert "- of -" in read_texts("en").insight(bare)
