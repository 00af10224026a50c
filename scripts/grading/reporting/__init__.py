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
    """Where the report was written."""

    html: Path
    markdown: Path
    json: Path


def write_reports(report: Report, directory: Path, language: str) -> ReportFiles:
    """Write the three files.

    Args:
        report: What was found.
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
    files.json.write_text(content + "\n", encoding="utf-8")
    files.markdown.write_text(render_markdown(report, texts), encoding="utf-8")
    files.html.write_text(render_html(report, texts), encoding="utf-8")
    return files
