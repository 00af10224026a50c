"""Prints what a soak showed."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.soak.checks import UNITS, WORDS, Verdict

COLOURS = {Verdict.REACHED: "green", Verdict.MISSED: "red", Verdict.UNDECIDED: "yellow"}


def show(results: Mapping[str, Any], output: Console) -> None:
    """Print results, as measured or as read from a file."""
    options, counts = results["options"], results["requests"]
    ended = ", ended early" if results["interrupted"] else ""
    output.print(
        f"{results['date']}, {results['machine']}, commit {results['commit']}\n"
        f"{results['command']}\n"
        f"{results['seconds'] / 3600:.2f} h{ended}, {options['rate']:g} requests a second: "
        f"{counts['sent']} sent, {counts['acknowledged']} acknowledged and {counts['landed']} of "
        f"these in the log; canary steps {results['canary_steps']}, at most "
        f"{results['most_heals_a_day']} heals a day",
        highlight=False, markup=False,
    )  # fmt: skip
    output.print(_table_deploys(results["deploys"]))
    output.print(_table_restarts(results["restarts"]))
    output.print(_table_parts(results))
    for name in ("refused", "broken"):
        told = ", ".join(f"{number} {cause}" for cause, number in counts[name].items())
        output.print(f"{name} while something was restarted: {told or 'none'}", markup=False)
    if growth := results["growth"]:
        output.print(f"the database grew by {growth['bytes_a_request']:.0f} bytes a request")
    output.print(_table_checks(results["checks"]))
    for check in results["checks"]:
        if check["sentence"]:
            output.print(f"missed: {check['sentence']}", style="red", markup=False)


def _table_deploys(deploys: list[dict[str, Any]]) -> Table:
    columns = ("bad deploy", "at", "passed", "healed after", "of it canary", "passed then")
    table = _table("Bad deploys", *columns)
    for one in deploys:
        healed = one["healed_seconds"]
        until = "not over" if not one["is_over"] and healed is None else "[red]not healed[/]"
        table.add_row(
            one["name"],
            f"{one['at'] / 60:.1f} min",
            _percent(one["bad_share"]),
            until if healed is None else f"{healed:.0f} s",
            f"{one['canary_seconds']:.0f} s",
            _percent(one["healed_share"]),
        )
    return table


def _table_restarts(restarts: list[dict[str, Any]]) -> Table:
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for one in restarts:
        times[one["part"], one["how"]].append(one["seconds"])
    table = _table("Restarts", "part", "how", "times", "longest until back")
    for (part, how), seconds in times.items():
        table.add_row(part, how, str(len(seconds)), f"{max(seconds):.1f} s")
    return table


def _table_parts(results: Mapping[str, Any]) -> Table:
    columns = ("of", "least", "most", "growth (95 %)", "points in lives")
    table = _table("What each part holds", "part", *columns)
    for part, samples in results["samples"].items():
        for name, word in WORDS.items():
            slope = results["slopes"][part][name]
            values = [sample[name] for sample in samples]
            growth = "unknown"
            if slope["per_hour"] is not None:
                low, high = slope["low"], slope["high"]
                growth = f"{slope['per_hour']:+.2f} ({low:+.2f} to {high:+.2f}) {UNITS[name]}"
            points = f"{slope['points']} in {slope['lives']}"
            what = f"{word}, MB" if name == "memory_mb" else word
            table.add_row(part, what, f"{min(values):.4g}", f"{max(values):.4g}", growth, points)
    return table


def _table_checks(checks: list[dict[str, Any]]) -> Table:
    table = _table("The aims", "", "measured", "aim", "reached")
    for check in checks:
        verdict = Verdict(check["verdict"])
        reached = f"[{COLOURS[verdict]}]{verdict}[/]"
        table.add_row(check["name"], check["measured"], check["aim"], reached)
    return table


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title)
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"
