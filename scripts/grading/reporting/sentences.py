"""The report as JSON, each code with its sentence."""

from typing import Any

from grading.reporting.texts import read_texts
from grading.result import Report


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
