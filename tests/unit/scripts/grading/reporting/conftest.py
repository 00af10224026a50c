import pytest
from grading.result import (
    Cheating,
    CheatingCode,
    Code,
    Cycle,
    Deduction,
    Dimension,
    DimensionScore,
    GradedRequest,
    Hint,
    Insight,
    InsightCode,
    OptimizerRun,
    PromptRow,
    Report,
    Target,
)

# What a hostile system might answer with.
HOSTILE = '<script>alert(1)</script> | **bold** `x` \x1b[31mred\x00 \u202e \ud800 "&' + "A" * 5000


def request(score: float | None, *, passed: bool, excerpt: str = "") -> GradedRequest:
    return GradedRequest(HOSTILE, 200, 12.5, score, passed, 99, "", excerpt)


@pytest.fixture
def perfect() -> Report:
    cycle = Cycle(
        1,
        PromptRow(99, "just say hello world to everything"),
        (request(0.36, passed=False, excerpt="Hello World"),) * 3,
        OptimizerRun(0, 1.2, "optimization_completed"),
        (request(0.874, passed=True, excerpt="def f(): ..."),) * 3,
        PromptRow(100, "You are a Python code generator"),
    )
    return make_report(tuple(DimensionScore(name) for name in Dimension), (cycle,))


@pytest.fixture
def hostile() -> Report:
    """Every fact and text comes from a system that wishes the reader ill."""
    deduction = Deduction(
        Code.BAD_OUTPUT_SCORED_HIGH, 7.5, {"score": 0.9, "excerpt": HOSTILE},
        Hint.THRESHOLD_AND_WEIGHTS,
    )  # fmt: skip
    probe = Deduction(
        Code.ERROR_NOT_JSON,
        2,
        {"probe": "manager_invalid_json", "status": 500, "content_type": HOSTILE, "excerpt": ""},
        Hint.JSON_ERRORS,
    )
    scores = tuple(
        DimensionScore(
            name,
            {Dimension.EVALUATION: (deduction,), Dimension.ERRORS: (probe,)}.get(name, ()),
        )
        for name in Dimension
    )
    cycle = Cycle(
        1,
        PromptRow(99, HOSTILE),
        (request(None, passed=False, excerpt=HOSTILE),) * 3,
        OptimizerRun(None, 5, HOSTILE, "timed_out"),
        (),
    )
    return make_report(scores, (cycle,))


def make_report(dimensions: tuple[DimensionScore, ...], cycles: tuple[Cycle, ...]) -> Report:
    return Report(
        "1.0",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:01:00+00:00",
        Target("http://m", "http://w", "http://e", "agent@db:5432/agent_system", HOSTILE),
        {"cycles": 1, "keep_logs": False},
        dimensions,
        healthy=(request(0.9, passed=True),),
        cycles=cycles,
        cheating=(
            Cheating(
                CheatingCode.HEALED_ANSWER_HARD_CODED,
                Dimension.HEALING,
                {"cycle": 1, "tasks": HOSTILE, "excerpt": HOSTILE},
            ),
        ),
        insights=(
            Insight(
                InsightCode.MALFORMED_REQUESTS,
                {"handled": 11, "sent": 12, "unhandled": "not_utf8"},
            ),
        ),
        backup="reports/backup/restore.sql",
    )
