"""A dry run of the Optimizer for a person: what its events say that a run would do."""

from selfheal.display.report.layout import show_words
from services.common.presentation.detail_reading import (
    Detail,
    read_line,
    read_list,
    read_number,
    read_part,
    show_line,
)


def describe_dry_run(event: Detail) -> str:
    """Say an event of a dry run in plain sentences; empty where there are none for it."""
    match event.get("event"):
        case "optimizer_off":
            return "OPTIMIZER_MODE is off: a run would do nothing. Set it to auto or propose."
        case "heal_postponed":
            return f"{read_line(event, 'task_type')}: {_postponement(read_line(event, 'reason'))}."
        case "would_look_into":
            return _describe_plan(event)
    return ""


def _postponement(reason: str) -> str:
    if reason == "proposal_waits":
        wait = "a proven repair waits for your answer, so a run would do nothing"
        return f"{wait}; see: selfheal prompts proposals"
    return f"left alone for now ({show_words(reason)})"


def _describe_plan(event: Detail) -> str:
    failures, answers = read_number(event, "failures"), read_number(event, "answers")
    counted = ""
    if failures is not None and answers is not None:
        counted = f"{failures:g} of {answers:g} scored answers failed. "
    prompt = f"{read_line(event, 'task_type')}, version {read_line(event, 'version')}"
    return f"{prompt}: {counted}{_plan(event)}"


def _plan(event: Detail) -> str:
    strategies = [show_words(one) for one in read_list(event, "strategies")]
    because = [show_line(one) for one in read_list(event, "because")]
    verdict = read_line(event, "verdict")
    if not strategies:
        fault = f"{verdict} at fault" if because else verdict
        return " ".join([f"A run would hold, and change nothing: {fault}.", *because])
    inputs = read_part(event, "inputs")
    choosing, proving = read_number(inputs, "choosing"), read_number(inputs, "verdict")
    figures = ""
    if choosing is not None and proving is not None:
        figures = f" on {choosing:g} inputs, and prove the best on up to {proving:g} others"
    calls = read_number(event, "max_calls")
    most = f", with {calls:g} calls of the Worker at most" if calls is not None else ""
    would = {"auto": "activate", "propose": "propose to you"}.get(read_line(event, "mode"), "")
    proven = f" What is proven it would {would}." if would else ""
    return (
        "A run would ask the prompt again to see whose fault it is; if it is the prompt's, it "
        f"would try {', '.join(strategies)}{figures}{most}.{proven}"
    )
