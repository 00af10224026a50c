"""Reads how far a workshop has come: what the guide's steps leave in the tables, and its report."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
from pydantic import BaseModel, Field, ValidationError

from services.common.record.active_prompt import BY_ACTIVE_PROMPT

TASK_TYPE: Final = "code_generation"
BAD_VERSION: Final = 99
FAILURES_WANTED: Final = 5
MAX_REPORT_BYTES: Final = 2 << 20
TABLES: Final = ("prompts", "execution_logs", "optimization_reports")
SELECT_TABLES: Final = (
    "SELECT count(*) FROM unnest($1::text[]) name WHERE to_regclass(name) IS NOT NULL"
)
# Each part is found by an index; of a version's requests only the newest are looked at.
SELECT_PROGRESS: Final = f"""
    WITH bad AS (
        SELECT id, content,
               (SELECT max(activated_at) FROM selfheal.activations WHERE prompt_id = p.id) AS at
        FROM prompts AS p
        WHERE task_type = $1 AND version = $2
        ORDER BY id DESC
        LIMIT 1
    ), serving AS (
        SELECT id, version,
               (SELECT max(activated_at) FROM selfheal.activations WHERE prompt_id = p.id) AS at
        FROM prompts AS p
        WHERE task_type = $1 AND is_active
        ORDER BY version DESC, id DESC
        LIMIT 1
    ), run AS (
        SELECT run.id, run.decision, run.created_at
        FROM selfheal.healing_runs AS run, bad
        WHERE run.task_type = $1 AND run.created_at >= bad.at AND run.incumbent_prompt_id = bad.id
        ORDER BY run.created_at DESC
        LIMIT 1
    )
    SELECT
        (SELECT created_by FROM prompts WHERE task_type = $1 AND version = 1 ORDER BY id LIMIT 1)
            AS seeded_by,
        bad.content AS bad_content, bad.at AS bad_at,
        serving.version AS serving_version, serving.at AS serving_at,
        coalesce(serving.id > bad.id, FALSE) AS is_replaced,
        run.id AS run_id, run.decision AS run_decision, run.created_at AS run_at,
        (SELECT least(count(*), $3) FROM (
            SELECT evaluation_passed FROM execution_logs
            WHERE task_type = $1 AND prompt_version = $2 AND created_at >= bad.at
              AND evaluation_passed IS NOT NULL AND {BY_ACTIVE_PROMPT}
            ORDER BY created_at DESC
            LIMIT 500
        ) newest WHERE NOT evaluation_passed) AS failures,
        seed_request.created_at AS seed_request_at, seed_request.score AS seed_request_score,
        healed_request.created_at AS healed_request_at, healed_request.score AS healed_request_score
    FROM (SELECT) AS always
    LEFT JOIN bad ON TRUE
    LEFT JOIN serving ON TRUE
    LEFT JOIN run ON TRUE
    LEFT JOIN LATERAL ({{passing_of_seed}}) AS seed_request ON TRUE
    LEFT JOIN LATERAL ({{passing_of_serving}}) AS healed_request ON serving.id > bad.id
"""
SELECT_PASSING: Final = f"""
    SELECT created_at, evaluation_score AS score FROM (
        SELECT created_at, evaluation_score, evaluation_passed FROM execution_logs
        WHERE task_type = $1 AND prompt_version = {{version}} AND evaluation_passed IS NOT NULL
          AND {BY_ACTIVE_PROMPT}
        ORDER BY created_at DESC
        LIMIT 500
    ) newest
    WHERE evaluation_passed
    ORDER BY created_at DESC
    LIMIT 1
"""
PROGRESS: Final = SELECT_PROGRESS.format(
    passing_of_seed=SELECT_PASSING.format(version="1"),
    passing_of_serving=SELECT_PASSING.format(version="serving.version"),
)


class GradedDeduction(BaseModel):
    """Points that a dimension lost, with the sentence that says why."""

    points: float = 0
    message: str = ""
    what_to_do: str = ""


class GradedDimension(BaseModel):
    """What a grading says of one dimension."""

    title: str
    points: float
    max_points: float = Field(gt=0)
    deductions: list[GradedDeduction] = []


class Grading(BaseModel):
    """A report of `scripts/benchmark.py`, as far as it is shown."""

    score: float
    grade: str
    finished_at: datetime | None = None
    dimensions: list[GradedDimension]


async def load_progress(connection: asyncpg.Connection) -> tuple[int, dict[str, Any]]:
    """Load how many of the guide's tables there are, and what its steps left in them."""
    tables = await connection.fetchval(SELECT_TABLES, list(TABLES))
    if tables < len(TABLES):
        return tables, {}
    [row] = await connection.fetch(PROGRESS, TASK_TYPE, BAD_VERSION, FAILURES_WANTED)
    return tables, dict(row)


def read_grading(path: Path) -> Grading | None:
    """Read a grading's report; None where there is none, or it is being written.

    Raises:
        ValueError: If it is none of `scripts/benchmark.py`.
    """
    try:
        with path.open("rb") as file:
            return Grading.model_validate_json(file.read(MAX_REPORT_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise ValueError(type(error).__name__) from error
