"""The report as files and as text."""

import json
from types import SimpleNamespace


def write_reports(report, directory, language):
    return SimpleNamespace(html="", markdown="", json="")


def render_summary(report, language):
    return json.dumps(report.to_json(), indent=1)


def report_as_json(report, language):
    return report.to_json()
