"""The report: as JSON with sentences, Markdown, one HTML file, and a summary for the terminal."""

import json
from dataclasses import dataclass
from pathlib import Path

from grading.reporting.html_page import render_html
from grading.reporting.markdown import render_markdown
from grading.reporting.sentences import report_as_json
from grading.reporting.summary import render_summary
from grading.reporting.texts import read_texts
from grading.result import Report

__all__ = ["ReportFiles", "render_summary", "report_as_json", "write_reports"]


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Paths of the files that make up the report."""

    html: Path
    markdown: Path
    json: Path


def write_reports(report: Report, directory: Path, language: str) -> ReportFiles:
    """Write the three files.

    Args:
        directory: Made if it isn't there; earlier reports in it are replaced.
        language: `en` or `ko`.

    Raises:
        OSError: If a file can't be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    files = ReportFiles(
        html=directory / "report.html",
        markdown=directory / "report.md",
        json=directory / "report.json",
    )
    texts = read_texts(language)
    content = json.dumps(report_as_json(report, language), ensure_ascii=False, indent=2)
    _write(files.json, content + "\n")
    _write(files.markdown, render_markdown(report, texts))
    _write(files.html, render_html(report, texts))
    return files


def _write(path: Path, text: str) -> None:
    """Write UTF-8; half a surrogate pair, which JSON may hold and UTF-8 may not, is replaced."""
    path.write_text(text, encoding="utf-8", errors="replace")
