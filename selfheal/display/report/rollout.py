"""What a canary's answers showed, step by step: in a run's report, and of one under way."""

from collections.abc import Iterator

from rich.console import RenderableType

from selfheal.display.report.layout import section, show_words
from services.common.presentation.detail_reading import (
    Detail,
    read_line,
    read_list,
    read_number,
    read_part,
    read_records,
)


def render_rollout(rollout: Detail) -> Iterator[RenderableType]:
    """Show the shares that a text served, what each rested on, and how it ended."""
    if not rollout:
        return
    shares = [f"{one:.3g}" for one in read_list(rollout, "shares") if isinstance(one, int | float)]
    outcome, reason = read_line(rollout, "outcome"), show_words(rollout.get("reason") or "")
    person = read_line(rollout, "person")
    ended = f"; {outcome}" if outcome else "; under way: selfheal canary show"
    ended += f" by {person}" if person else ""
    ended += f" ({reason})" if reason else ""
    yield from section(
        "What its share of traffic showed",
        [f"shares {', '.join(shares)}{ended}", *tell_figures(rollout)],
    )


def tell_figures(shown: Detail) -> Iterator[str]:
    """Say what each step rested on, and what speaks against the text."""
    margin, alpha = read_number(shown, "margin"), read_number(shown, "alpha")
    for number, step in enumerate(read_records(shown, "figures"), 1):
        e_value = read_number(step, "no_worse")
        parts = [
            _tell_pairs(step, "live_pairs", "live_gain", "live pairs"),
            _tell_pairs(step, "replays", "replay_gain", "replays of live inputs"),
            f"e-value {e_value:.3g} for no worse" if e_value is not None else "",
        ]
        yield f"step {number}: {'; '.join(filter(None, parts))}"
    worse = read_number(shown, "worse")
    if worse is None or margin is None or not alpha:
        return
    yield f"no worse means by {margin:g} of score at most, shown by an e-value of {1 / alpha:g}"
    guards = read_part(shown, "guards")
    against = [("worse", worse), *((name, read_number(guards, name)) for name in guards)]
    figures = (f"{show_words(name)} {value:.3g}" for name, value in against if value is not None)
    yield f"e-values against it: {', '.join(figures)}"


def _tell_pairs(step: Detail, count_name: str, gain_name: str, what: str) -> str:
    count, gain = read_number(step, count_name), read_number(step, gain_name)
    if not count:
        return f"no {what}"
    return f"{count:g} {what}" + (f", {gain:+.3f} on average" if gain is not None else "")
