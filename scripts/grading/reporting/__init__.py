"""The report: as JSON with sentences, Markdown, one HTML file, and a summary for the terminal."""

import json
from pathlib import Path
from typing import Any

from grading.reporting.html_page import render_html
from grading.reporting.markdown import render_markdown
from grading.reporting.summary import render_summary
from grading.reporting.texts import read_texts
from grading.result import Report

__all__ = ["render_summary", "report_as_json", "write_reports"]


def write_reports(report: Report, directory: Path, language: str) -> tuple[Path, Path, Path]:
    """Write the report as HTML, Markdown and JSON; return the three paths in this order.

    Args:
        directory: Made if it isn't there; earlier reports in it are replaced.
        language: `en` or `ko`.

    Raises:
        OSError: If a file can't be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    texts = read_texts(language)
    content = json.dumps(report_as_json(report, language), ensure_ascii=False, indent=2)
    html, markdown, data = (directory / f"report.{kind}" for kind in ("html", "md", "json"))
    for path, text in (
        (data, content + "\n"),
        (markdown, render_markdown(report, texts)),
        (html, render_html(report, texts)),
    ):
        # Half a surrogate pair, which JSON may hold and UTF-8 may not, is replaced.
        path.write_text(text, encoding="utf-8", errors="replace")
    return html, markdown, data


def report_as_json(report: Report, language: str) -> dict[str, Any]:
    """Return the report in JSON's own types, with sentences beside the codes."""
    texts = read_texts(language)
    content = report.to_json()
    content["language"] = language
    for described, dimension in zip(content["dimensions"], report.dimensions, strict=True):
        described["title"] = texts.dimension(dimension.name, "title")
        for shown, deduction in zip(described["deductions"], dimension.deductions, strict=True):
            shown["message"] = texts.deduction(deduction)
            shown["what_to_do"] = texts.hint(deduction.hint)
    for shown, cheating in zip(content["cheating"], report.cheating, strict=True):
        shown["message"] = texts.cheating(cheating)
    for shown, insight in zip(content["insights"], report.insights, strict=True):
        shown["message"] = texts.insight(insight)
    return content
