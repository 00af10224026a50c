"""Holds what a soak measured against its aims. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from benchmarks.soak.figures import Slope, fit_slope, split_lives
from benchmarks.soak.plan import POSTGRES

# A leak of 1 KB a request comes to 11 MB an hour at three requests a second. A slow moment opens
# connections that are kept alive from then on, up to 15 s of requests: so many descriptors aren't
# lost.
MOST_GROWTH: Final = {"memory_mb": 10.0, "descriptors": 30.0, "threads": 5.0}
# Each connection to PostgreSQL fills caches of its own, those that are rarely used slowly.
SLOW_TO_WARM_UP: Final = {POSTGRES: 5}
WORDS: Final = {"memory_mb": "memory", "descriptors": "descriptors", "threads": "threads"}
UNITS: Final = {"memory_mb": "MB/h", "descriptors": "/h", "threads": "/h"}
# The database may grow by so much more than was reckoned.
MOST_OF_RECKONED: Final = 1.25
# Points of a slope are medians of so many seconds at most, and of a 120th of a shorter soak.
MOST_BLOCK_SECONDS, BLOCKS = 60.0, 120
SAMPLES_KEPT: Final = 150


class Verdict(StrEnum):
    """Whether an aim is reached; undecided where too little was measured to tell."""

    REACHED = "yes"
    MISSED = "no"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Check:
    """An aim, what was measured, and in a sentence what is wrong; empty where nothing is."""

    name: str
    measured: str
    aim: str
    verdict: Verdict
    sentence: str = ""


def judge(measured: Mapping[str, Any]) -> list[Check]:
    """Hold all that `run_soak` measured against the aims."""
    return [
        *_judge_requests(measured["requests"]),
        *_judge_deploys(measured),
        *_judge_slopes(measured["slopes"]),
        _judge_growth(measured["growth"]),
        _none_of("files left over", measured["leftovers"], "there lay in the end: "),
        _none_of("what should never be", measured["problems"], ""),
    ]


def fit_slopes(measured: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Fit the slopes of each part's figures, by part and by figure."""
    block = min(MOST_BLOCK_SECONDS, measured["seconds"] / BLOCKS)
    slopes: dict[str, dict[str, Any]] = {}
    for part, samples in measured["samples"].items():
        warm_up = measured["options"]["warm_up"] * SLOW_TO_WARM_UP.get(part, 1)
        slopes[part] = {
            name: asdict(fit_slope(split_lives(samples, name, warm_up=warm_up, block=block)))
            for name in MOST_GROWTH
        }
    return slopes


def thin_samples(measured: Mapping[str, Any]) -> dict[str, Any]:
    """Keep some samples, from the first to the last, so that a file of results stays small."""

    def thin(rows: list[Any]) -> list[Any]:
        return rows[:: -(-len(rows) // SAMPLES_KEPT) or 1]

    samples = {part: thin(rows) for part, rows in measured["samples"].items()}
    return {**measured, "samples": samples, "sizes": thin(measured["sizes"])}


def judge_slope(slope: Slope, most: float) -> Verdict:
    """Tell whether a figure grows by `most` an hour at most, by the slope's interval."""
    if slope.low is None or slope.high is None:
        return Verdict.UNDECIDED
    if slope.low > most:
        return Verdict.MISSED
    return Verdict.REACHED if slope.high <= most else Verdict.UNDECIDED


def _judge_slopes(slopes: Mapping[str, Any]) -> Iterator[Check]:
    for part, figures in slopes.items():
        for name, values in figures.items():
            # PostgreSQL's processes keep the files of tables open, as many as they came across.
            if part == POSTGRES and name == "descriptors":
                continue
            slope, unit = Slope(**values), UNITS[name]
            verdict = judge_slope(slope, MOST_GROWTH[name])
            told = "nothing is known"
            if slope.per_hour is not None:
                told = f"{slope.per_hour:+.2f} ({slope.low:+.2f} to {slope.high:+.2f}) {unit}"
            sentence = f"{part}: {WORDS[name]} grow{'s' * (name == 'memory_mb')}: {told}"
            yield Check(
                f"{part}: {WORDS[name]}",
                told,
                f"{MOST_GROWTH[name]:g} {unit}",
                verdict,
                sentence if verdict == Verdict.MISSED else "",
            )


def _judge_requests(counts: Mapping[str, Any]) -> Iterator[Check]:
    lost = {
        "lost": "acknowledged requests have no row of the log, or at the door no conversation",
        "doubled": "requests have more rows than one",
        "unscored": "acknowledged requests have no score",
        "misnamed": "answers told another id than that of their request",
    }
    for name, sentence in lost.items():
        yield _count(f"requests {name}", counts[name], sentence)
    for name in ("refused", "broken"):
        causes = counts[f"{name}_outside"]
        told = ", ".join(f"{number} {cause}" for cause, number in causes.items())
        sentence = f"requests were {name} while nothing was restarted: {told}"
        yield _count(f"{name} outside of restarts", sum(causes.values()), sentence)
    verdict = Verdict.REACHED if counts["acknowledged"] else Verdict.MISSED
    yield Check(
        "acknowledged", f"{counts['acknowledged']} of {counts['sent']}", "some", verdict,
        "" if counts["acknowledged"] else "no request was acknowledged",
    )  # fmt: skip


def _judge_deploys(measured: Mapping[str, Any]) -> Iterator[Check]:
    over = [one for one in measured["deploys"] if one["is_over"]]
    healed = [one for one in over if one["healed_seconds"] is not None]
    missed = [one for one in over if one["healed_seconds"] is None]
    told = "; ".join(f"{one['name']} ({', '.join(one['outcomes']) or 'no run'})" for one in missed)
    verdict = Verdict.MISSED if missed else Verdict.REACHED if healed else Verdict.UNDECIDED
    sentence = f"not healed before the next deploy: {told}" if missed else ""
    yield Check("bad deploys healed", f"{len(healed)} of {len(over)}", "all", verdict, sentence)


def _judge_growth(growth: Mapping[str, Any] | None) -> Check:
    name, aim = "growth of the database", f"{MOST_OF_RECKONED:g} of what was reckoned"
    if not growth:
        return Check(name, "nothing is known", aim, Verdict.UNDECIDED)
    told = f"{growth['grown_mb']:.1f} MB, reckoned {growth['reckoned_mb']:.1f} MB"
    if growth["grown_mb"] <= MOST_OF_RECKONED * growth["reckoned_mb"]:
        return Check(name, told, aim, Verdict.REACHED)
    return Check(name, told, aim, Verdict.MISSED, f"the database grew by {told}")


def _count(name: str, number: int, sentence: str) -> Check:
    verdict = Verdict.MISSED if number else Verdict.REACHED
    return Check(name, str(number), "0", verdict, f"{number} {sentence}" if number else "")


def _none_of(name: str, found: list[str], before: str) -> Check:
    verdict = Verdict.MISSED if found else Verdict.REACHED
    return Check(name, str(len(found)), "0", verdict, before + "; ".join(found) if found else "")
