"""Simulates canaries with drawn scores, through the judge that the Optimizer uses.

How often does a step go on with a candidate that is worse, how often is a good one aborted, and
how many answers does it take? An answer passes with a chance of its arm's and scores 1 or 0, which
is as noisy as a score can be.

examples:
  python -m benchmarks.decisions.canary_steps --runs 200
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from services.optimizer.app.services.rollout.evidence import ArmAnswer, Evidence
from services.optimizer.app.services.rollout.judge import WAIT, judge

MARGIN = 0.05
# The judge looks after so many answers of both arms, and again each time a tenth more have come.
FIRST_LOOK, GROWTH = 10, 1.1
MOST_ANSWERS = 20_000
# The candidate's and the incumbent's chance to pass.
CASES = (
    (0.80, 0.90), (0.50, 0.60), (0.85, 0.90), (0.60, 0.90), (0.90, 0.90), (0.60, 0.60),
    (0.95, 0.90), (0.90, 0.60), (0.90, 0.30), (0.95, 0.00),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class End:
    """How one step ended, after so many answers of the candidate's."""

    outcome: str
    answers: int


def answer(
    number: random.Random, share: float, candidate: float, incumbent: float
) -> Iterator[ArmAnswer]:
    """Give answers of both arms as they come."""
    for execution_id in range(1, MOST_ANSWERS + 1):
        is_ours = number.random() < share
        passed = number.random() < (candidate if is_ours else incumbent)
        arm = "candidate" if is_ours else "incumbent"
        yield ArmAnswer(execution_id, arm, float(passed), passed, True)


def run_step(number: random.Random, share: float, candidate: float, incumbent: float) -> End:
    """Run a step to its end."""
    evidence, batch, ours, next_look = Evidence(), [], 0, float(FIRST_LOOK)
    for one in answer(number, share, candidate, incumbent):
        batch.append(one)
        ours += one.arm == "candidate"
        if one.execution_id < next_look:
            continue
        next_look *= GROWTH
        evidence, batch = evidence.take_in(batch), []
        found = judge(evidence, margin=MARGIN)
        if found.outcome != WAIT:
            return End(found.reason or found.outcome, ours)
    return End(WAIT, ours)


def main() -> None:
    """Print a row a case and share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    runs = parser.parse_args().runs
    print(f"{runs} steps a row, margin {MARGIN}; answers are the candidate's, until the step ended")
    print("        passes  share  goes on    worse undecided  median   95 %")
    for candidate, incumbent in CASES:
        for share in (0.1, 0.5):
            number = random.Random(f"{candidate} {incumbent} {share}")
            ends = [run_step(number, share, candidate, incumbent) for _ in range(runs)]
            counts = Counter(end.outcome for end in ends)
            spent = sorted(end.answers for end in ends)
            others = runs - counts["go_on"] - counts["canary_worse"]
            print(
                f"{candidate:.2f} for {incumbent:.2f} {share:6.1f} {counts['go_on'] / runs:8.3f} "
                f"{counts['canary_worse'] / runs:8.3f} {others / runs:9.3f} {median(spent):7.0f} "
                f"{spent[int(0.95 * (runs - 1))]:6d}",
                flush=True,
            )


if __name__ == "__main__":
    main()
