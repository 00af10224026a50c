"""The guide's documents: both languages run the same, nothing prescribed is lost, links lead on."""

import re
from pathlib import Path

import pytest
from grading.result import GRADES, WEIGHTS
from support.guide_blocks import GuideBlock, parse_guide

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
LANGUAGES = ("ko", "en")
# Every block of commands of the workshop's own guide, which this repository's must keep.
PRESCRIBED = Path(__file__).with_name("prescribed_commands.txt").read_text(encoding="utf-8")
FILE_ROW = re.compile(r"^\| (\d) \| \[`([^:`]+):(\d+)`\]\(([^)#]+)#L(\d+)\) \| `(.+)` \|", re.M)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def without_comments(block: GuideBlock) -> list[str]:
    return [line for line in block.script.splitlines() if not line.startswith("#")]


def test_both_languages_run_the_same_and_expect_the_same() -> None:
    korean, english = (parse_guide(read(f"guide.{language}.md")) for language in LANGUAGES)
    assert len(korean) > 10
    assert [block.kind for block in korean] == [block.kind for block in english]
    for one, other in zip(korean, english, strict=True):
        assert without_comments(one) == without_comments(other)
        assert one.expected == other.expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_that_shows_something_says_what(language: str) -> None:
    for block in parse_guide(read(f"guide.{language}.md")):
        assert block.expected or "scripts/benchmark.py" in block.script, block.name


def test_no_prescribed_command_is_lost() -> None:
    guide = read("guide.ko.md")
    lines = [line for line in PRESCRIBED.splitlines() if line.strip()]
    assert len(lines) > 60
    assert [line for line in lines if line not in guide] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_nine_files_have_the_code_on_the_lines_that_the_table_names(language: str) -> None:
    rows = FILE_ROW.findall(read(f"guide.{language}.md"))
    assert [int(order) for order, *_ in rows] == list(range(1, 10))
    for _, path, line, link, anchor, code in rows:
        assert (link, anchor) == (f"../{path}", line)
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        assert lines[int(line) - 1].strip() == code, f"{path}:{line}"


@pytest.mark.parametrize(
    "name", [f"{kind}.{language}.md" for kind in ("guide", "assignment") for language in LANGUAGES]
)
def test_every_link_leads_somewhere(name: str) -> None:
    links = LINK.findall(read(name))
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []


@pytest.mark.parametrize(
    "name", [f"{kind}.{language}.md" for kind in ("guide", "assignment") for language in LANGUAGES]
)
def test_the_points_are_the_benchmarks(name: str) -> None:
    text = read(name)
    rows = re.findall(r"^\| \*\*[^|]+\*\* \| \**(\d{2})(?:점)?\** \|", text, re.M)
    assert [int(points) for points in rows] == list(WEIGHTS.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_grades_are_the_benchmarks(language: str) -> None:
    rows = re.findall(r"^\| \*\*([A-F])\*\* \| (\d+)-", read(f"guide.{language}.md"), re.M)
    assert [(letter, int(least)) for letter, least in rows] == list(GRADES)
