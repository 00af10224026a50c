"""What a canary's answers showed, step by step: in a run's report, and of one under way."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.padding import Padding

from selfheal.display.report.layout import make_table, section, show_words
from selfheal.display.verdict_rendering import INDENT, heading
from services.common.presentation.detail_reading import (
    Detail,
    read_line,
    read_list,
    read_number,
    read_part,
    read_records,
)
from services.common.record.rollouts.arms import ArmFigures
from services.common.record.rollouts.rollout import Rollout


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


def render_canary(rollout: Rollout, arms: Sequence[ArmFigures]) -> Iterator[RenderableType]:
    """Show what its arms answered, what the test says of it, and how a person can act."""
    if arms:
        table = make_table(
            ("arm", "l"), ("answers", "r"), ("scored", "r"), ("passed", "r"), ("mean score", "r")
        )
        table.add_column(ratio=1)
        for arm in arms:
            rate = f"{100 * arm.passed / arm.scored:.0f} %" if arm.scored else "-"
            mean = "-" if arm.mean_score is None else f"{arm.mean_score:.3f}"
            table.add_row(arm.arm, f"{arm.answers:,}", f"{arm.scored:,}", rate, mean)
        yield heading("What its arms answered, all steps together")
        yield Padding(table, INDENT)
    yield from section("What the test says", [*tell_figures(read_part(rollout.detail, "shown"))])
    if not rollout.is_open:
        return
    yield from section("What it waits for", [tell_wait(rollout)])
    step = f"{rollout.step_started_at.astimezone():%Y-%m-%d %H:%M}"
    holds = "resume" if rollout.is_paused else "pause"
    commands = [
        f"selfheal canary {verb} {str(rollout.id)[:8]}" for verb in ("promote", holds, "abort")
    ]
    yield from section(f"How to decide by hand (its step began {step})", commands)


def tell_share(rollout: Rollout) -> str:
    """Say what an open rollout serves, in a few words, and where to see more."""
    since = f"since {rollout.step_started_at.astimezone():%m-%d %H:%M}"
    serves = "paused" if rollout.is_paused else f"serves {rollout.share:.3g} of the traffic {since}"
    return f"{serves}: selfheal canary show {str(rollout.id)[:8]}"


def tell_wait(rollout: Rollout) -> str:
    """Say what an open rollout waits for."""
    shown = read_part(rollout.detail, "shown")
    alpha, no_worse = read_number(shown, "alpha"), read_number(shown, "no_worse")
    if rollout.is_paused:
        return "you: it serves nobody and isn't judged until it is resumed"
    if not alpha or no_worse is None:
        return "an Optimizer to look at it: selfheal up --autopilot, or selfheal optimize"
    steps = read_records(shown, "figures")[rollout.step :]
    if not any(read_number(one, name) for one in steps for name in ("live_pairs", "replays")):
        return "scored answers on both arms"
    if no_worse >= 1 / alpha:
        return "a person, since OPTIMIZER_MODE is propose; or the Optimizer's next look"
    return "more pairs of answers, until an e-value says that it is no worse, or worse"


def tell_figures(shown: Detail) -> Iterator[str]:
    """Say what each step rested on, what speaks for the text, and what against it."""
    margin, alpha = read_number(shown, "margin"), read_number(shown, "alpha")
    for number, step in enumerate(read_records(shown, "figures"), 1):
        e_value = read_number(step, "no_worse")
        parts = [
            _tell_pairs(step, "live_pairs", "live_gain", "live pairs"),
            _tell_pairs(step, "replays", "replay_gain", "replays of live inputs"),
            f"e-value {e_value:.3g} for no worse" if e_value is not None else "",
        ]
        yield f"step {number}: {'; '.join(filter(None, parts))}"
    no_worse, worse = read_number(shown, "no_worse"), read_number(shown, "worse")
    if no_worse is None or worse is None or margin is None or not alpha:
        return
    yield (
        f"evidence (e-value) towards the next step: {no_worse:.3g} of {1 / alpha:g}, for no worse "
        f"than by {margin:g} of score"
    )
    guards, guard_alpha = read_part(shown, "guards"), read_number(shown, "guard_alpha")
    needed = f" of {1 / guard_alpha:g}" if guard_alpha else ""
    against = [f"worse {worse:.3g} of {1 / alpha:g}"] + [
        f"{show_words(name)} {value:.3g}{needed}"
        for name in guards
        if (value := read_number(guards, name)) is not None
    ]
    yield f"evidence towards an abort: {', '.join(against)}"


def _tell_pairs(step: Detail, count_name: str, gain_name: str, what: str) -> str:
    count, gain = read_number(step, count_name), read_number(step, gain_name)
    if not count:
        return f"no {what}"
    return f"{count:g} {what}" + (f", {gain:+.3f} on average" if gain is not None else "")
