"""Measures the Optimizer's trigger: how often healthy traffic alarms, and how soon a fall does.

Simulated answers, each failing with a given chance, go through the analysis that the Optimizer's
survey uses. No model, no service, no database. A prompt that has long served is known from so many
answers of its own; one that was just activated is compared with the record of the one before it,
which is read from 200 answers at most. Beside it the trigger before this one: three failures, and a
p-value of 5 % for a single look.

examples:
  python -m benchmarks.alarm
  python -m benchmarks.alarm --answers 200000 --runs 50
"""

import argparse
import random
import sys
from collections import deque
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, permutations
from math import exp, inf, lgamma, log
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.run_description import describe_run
from services.common.record.surprise import (
    ACTIVATION_LEVEL,
    RUN_LENGTH,
    ChangeDetector,
    Outcome,
    Record,
    Served,
    beta_binomial_tail,
    compare_activation,
)
from services.optimizer.app.services.log.failure_log import MAX_EARLIER_ROWS, MAX_RECENT_ROWS
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.log_analyzer import analyze_failures

BASE_RATES: Final = (0.01, 0.05, 0.1, 0.2)
BASELINES: Final = (0, 50, 200, 500, 2_000, 10_000)
# Failure rates that a prompt falls to, and the most answers that the median may take.
FALLS: Final = {1.0: 6, 0.3: 40, 0.15: 150}
AIMED_RATE, AIMED_BASELINE = 0.05, 2_000
AIMED_RUN_LENGTH: Final = 144_000
THRESHOLD: Final = 3
# Answers in a lookback of 30 minutes, and in a day.
WINDOW, DAY = 100, 4_800
ACTIVATION_ANSWERS: Final = 300
PREVIOUS_ANSWERS: Final = 200
GIVEN_UP: Final = 500
SEED: Final = 17
CONFIDENCE_LEFT: Final = 0.05
PASS, FAIL = Outcome(passed=True), Outcome(passed=False)
NOTHING = Record()
# Failures, of so many answers, at a usual failure rate; whether they have to alarm.
PATTERNS: Final = (
    (3, 3, 0.05, True),
    (3, 3, 0.2, True),
    (4, 5, 0.2, True),
    (3, 5, 0.05, True),
    (3, 5, 0.2, False),
    (3, 10, 0.05, False),
)


@dataclass(frozen=True, slots=True)
class Healthy:
    """False alarms among healthy answers."""

    alarms: int
    answers: int

    @property
    def upper_rate(self) -> float:
        """The upper 95 % bound of the alarms an answer (Garwood's, of a Poisson count)."""
        return _poisson_bound(self.alarms) / self.answers


def draw(rate: float, count: int, chance: random.Random) -> list[Outcome]:
    """Draw so many answers."""
    return [FAIL if chance.random() < rate else PASS for _ in range(count)]


def alarms(recent: list[Outcome], earlier: list[Outcome] | None, usual: Record = NOTHING) -> bool:
    """Look at a prompt as the survey does; `earlier` is None for one that was just activated."""
    window = [
        LoggedResult("", str(number), 0.9 if one.passed else 0.3, one.passed)
        for number, one in enumerate(reversed(recent[-WINDOW:]))
    ]
    cut = len(recent) - MAX_RECENT_ROWS
    served = Served(recent=recent)
    if earlier is not None:
        known = (*earlier, *recent[: max(0, cut)])[-MAX_EARLIER_ROWS:]
        served = Served(known, recent[max(0, cut) :], is_whole=False)
    return analyze_failures(
        window, threshold=THRESHOLD, served=served, usual=[usual]
    ).needs_optimization


def follow_health(rate: float, baseline: int, answers: int, chance: random.Random) -> Healthy:
    """Count false alarms of the detector, which begins anew with other answers after each one.

    It is followed from answer to answer, with all its starts, of which a look sums up the last 600:
    no less alarms than looks would give. What is usual is learnt from the last 2,000 and 600
    answers, as it is at a look.
    """
    found = seen = 0
    while seen < answers:
        detector = ChangeDetector()
        known = deque(draw(rate, baseline, chance)[-MAX_EARLIER_ROWS - MAX_RECENT_ROWS :])
        for outcome in known:
            detector.learn(outcome)
        while seen < answers and detector.wealth < RUN_LENGTH:
            outcome = FAIL if chance.random() < rate else PASS
            detector.bet(outcome)
            seen += 1
            known.append(outcome)
            if len(known) > MAX_EARLIER_ROWS + MAX_RECENT_ROWS:
                if known.popleft().passed:
                    detector.passes -= 1
                else:
                    detector.failures -= 1
        found += detector.wealth >= RUN_LENGTH
    return Healthy(found, seen)


def follow_activation(rate: float, baseline: int, chance: random.Random) -> bool:
    """Tell whether a healthy activation ever alarms, looked at after each failure."""
    previous = draw(rate, baseline, chance)
    usual = Record(len(previous), sum(one.passed for one in previous))
    answers = draw(rate, ACTIVATION_ANSWERS, chance)
    return any(
        compare_activation(answers[: at + 1], usual) * ACTIVATION_LEVEL >= 1
        and alarms(answers[: at + 1], None, usual)
        for at, outcome in enumerate(answers)
        if not outcome.passed
    )


def measure_delay(rate: float, fallen: float, baseline: int, chance: random.Random) -> float:
    """Count the answers from a fall to the alarm, by a look after each failure.

    A look is worth its time only where the detector, followed from answer to answer, says so; it
    decides.
    """
    earlier, recent = draw(rate, baseline, chance), draw(rate, WINDOW, chance)
    detector = ChangeDetector()
    for outcome in earlier[-MAX_EARLIER_ROWS:]:
        detector.learn(outcome)
    for outcome in recent:
        detector.bet(outcome)
    for count in range(1, GIVEN_UP + 1):
        recent.append(FAIL if chance.random() < fallen else PASS)
        detector.bet(recent[-1])
        if recent[-1] is FAIL and detector.wealth >= RUN_LENGTH and alarms(recent, earlier):
            return count
    return inf


def count_before(rate: float, days: int, chance: random.Random) -> tuple[float, float]:
    """Count a day's alarms of the trigger before this one, looked at after each failure.

    Its p-value was that of one look at the last 100 answers, against 200 before them.

    Returns:
        Looks that alarm, and alarms of which one that goes on counts once.
    """
    answers = draw(rate, 3 * WINDOW + days * DAY, chance)
    failed = list(accumulate((not one.passed for one in answers), initial=0))
    looks, found, was_alarmed = 0, 0, False
    for end in range(3 * WINDOW, len(answers)):
        if answers[end - 1].passed:
            continue
        now = failed[end] - failed[end - WINDOW]
        known = failed[end - WINDOW] - failed[end - 3 * WINDOW]
        is_alarmed = now >= THRESHOLD and _was_surprising(now, known)
        looks += is_alarmed
        found += is_alarmed and not was_alarmed
        was_alarmed = is_alarmed
    return looks / days, found / days


@cache
def _was_surprising(now: int, known: int) -> bool:
    return (
        beta_binomial_tail(now, WINDOW, 0.5 + known, 9.5 + 2 * WINDOW - known) <= ACTIVATION_LEVEL
    )


def _poisson_bound(count: int) -> float:
    """Compute the mean under which so few events or fewer have a chance of 5 %."""
    low, high = 0.0, 3.0 + 3 * count + 3
    for _ in range(50):
        middle = (low + high) / 2
        terms = (exp(n * log(middle) - middle - lgamma(n + 1)) for n in range(count + 1))
        low, high = (middle, high) if sum(terms) > CONFIDENCE_LEFT else (low, middle)
    return high


def show_patterns(output: Console) -> bool:
    """Show which first answers of an activation alarm; tell whether those do that have to."""
    table = Table(title="The first answers of an activation, in any order", title_justify="left")
    for column in ("failures", "usual failure rate", "alarms", "aim"):
        table.add_column(column, justify="right")
    reached = True
    for failed, count, rate, aimed in PATTERNS:
        usual = Record(2_000, 2_000 - round(2_000 * rate))
        orders = set(permutations([FAIL] * failed + [PASS] * (count - failed)))
        found = all(alarms(list(order), None, usual) for order in orders)
        reached &= found or not aimed
        table.add_row(
            f"{failed} of {count}", f"{rate:.0%}", _yes(found), _yes(aimed) if aimed else "–"
        )
    output.print(table)
    return reached


def show_cell(
    table: Table, rate: float, baseline: int, *, answers: int, runs: int, chance: random.Random
) -> bool:
    """Measure one base rate and baseline; tell whether what is aimed at is reached."""
    aimed = (rate, baseline) == (AIMED_RATE, AIMED_BASELINE)
    healthy = follow_health(rate, baseline, answers * (10 if aimed else 1), chance)
    delays = {
        fallen: median(measure_delay(rate, fallen, baseline, chance) for _ in range(runs))
        for fallen in FALLS
        if fallen > rate
    }
    activations = [
        follow_activation(rate, min(baseline, PREVIOUS_ANSWERS), chance) for _ in range(runs)
    ]
    table.add_row(
        f"{rate:.0%}",
        f"{baseline:,}",
        f"{healthy.alarms} of {healthy.answers:,}",
        f"{1 / healthy.upper_rate:,.0f}",
        f"{sum(activations)} of {len(activations)}",
        *(_show_delay(delays.get(fallen)) for fallen in FALLS),
        style="bold" if aimed else None,
    )
    return not aimed or (
        healthy.upper_rate <= 1 / AIMED_RUN_LENGTH
        and all(delays[fallen] <= most for fallen, most in FALLS.items())
    )


def _show_delay(delay: float | None) -> str:
    return "–" if delay is None else f"> {GIVEN_UP}" if delay == inf else f"{delay:g}"


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"


def main() -> int:
    """Run the simulation from the command line; 1 where an aim is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.alarm",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--answers", type=int, default=300_000, help="healthy answers, tenfold for the aim's row"
    )
    parser.add_argument("--runs", type=int, default=100, help="falls and activations of each kind")
    options = parser.parse_args()
    output, chance = Console(width=140), random.Random(SEED)
    reached = show_patterns(output)
    table = Table(
        title="False alarms, and median answers from a fall to the alarm. 0 of n alarms bounds "
        "the run length by n / 3",
        title_justify="left",
    )
    for column in (
        "base rate",
        "baseline",
        "alarms, long served",
        "run length, at least",
        "activations alarmed",
        *(f"to {fallen:.0%} failing" for fallen in FALLS),
    ):
        table.add_column(column, justify="right")
    for rate in BASE_RATES:
        for baseline in BASELINES:
            reached &= show_cell(
                table, rate, baseline, answers=options.answers, runs=options.runs, chance=chance
            )
    output.print(table)
    for rate in BASE_RATES:
        looks, found = count_before(rate, 60, chance)
        output.print(
            f"the trigger before, where {rate:.0%} fail: {looks:.1f} looks a day alarm, "
            f"{found:.1f} of them anew"
        )
    output.print(
        f"aims, at {AIMED_RATE:.0%} and {AIMED_BASELINE:,}: a run length of "
        f"{AIMED_RUN_LENGTH:,} by its 95 % bound, medians of {', '.join(map(str, FALLS.values()))}"
        f": {'reached' if reached else 'missed'}"
    )
    output.print(", ".join(describe_run().values()), highlight=False)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
