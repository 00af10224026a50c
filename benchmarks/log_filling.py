"""Fills `execution_logs` with rows like real ones: thirty days of traffic with a bad end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

TASK_TYPES = ("code_generation", "json_extraction", "support_answers", "summaries")
# The task type whose prompt goes bad within the lookback.
FAILING = TASK_TYPES[0]
DAYS = 30
VERSIONS = 60
TEMPLATES = 500
UNSCORED_SHARE = 0.02
FAILING_SHARE = 0.05
LOOKBACK = timedelta(minutes=30)
# As many rows fall within the lookback as ten million in thirty days would put there, and more.
LOOKBACK_ROWS = 8_000
BURST = timedelta(minutes=20)
CHUNK_ROWS = 100_000
# What a row takes on the disk, its index entries among them, and the log of the writing.
BYTES_A_ROW = 3_500
WAL_BYTES = 6 << 30

RULES = (
    "gives_an_answer contains_code parses_as_python loads keeps_the_examples "
    "answers_plausible_calls defines_what_was_asked keeps_the_given_name is_complete "
    "uses_what_it_is_given returns_something has_no_placeholder has_no_dangerous_call "
    "has_docstring has_type_hints"
).split()
FAILED_RULES = frozenset(
    "contains_code parses_as_python defines_what_was_asked returns_something".split()
)
CRITERIA = "does_its_work keeps_to_the_point stays_on_topic responds is_readable".split()

MAKE_TEMPLATES = """
    CREATE SCHEMA filling;
    CREATE TABLE filling.templates (
        number INTEGER, passed BOOLEAN, user_input TEXT, refined_input TEXT, worker_output TEXT,
        score FLOAT, detail JSONB, PRIMARY KEY (number, passed)
    );
"""
INSERT_TEMPLATE = "INSERT INTO filling.templates VALUES ($1, $2, $3, $4, $5, $6, $7)"
# Activations are written beside the trigger, which knows no time but now.
INSERT_PROMPTS = """
    WITH versions AS (
        INSERT INTO prompts (task_type, content, version, is_active, created_by, created_at)
        SELECT task_type, 'You write ' || task_type || ', version ' || version || '. '
               || repeat('Do exactly what is asked, and nothing else. ', 20),
               version, version = $2, 'optimizer', $3::timestamptz + (version - 1) * $4::interval
        FROM unnest($1::text[]) AS task_type, generate_series(1, $2::int) AS version
        ORDER BY version
        RETURNING id, task_type, version, created_at
    )
    INSERT INTO selfheal.activations (prompt_id, task_type, version, activated_at)
    SELECT id, task_type, version, created_at FROM versions ORDER BY created_at, id
"""
# Even traffic for thirty days and a busy lookback at their end, in which one task type goes bad. A
# Weyl sequence stands in for chance, so that every fill of a size is the same.
INSERT_ROWS = """
    INSERT INTO execution_logs (
        request_id, task_type, user_input, refined_input, prompt_version, worker_output,
        worker_latency_ms, evaluation_score, evaluation_passed, evaluation_detail, error_message,
        created_at
    )
    SELECT gen_random_uuid(), task_type, t.user_input, t.refined_input,
           least(
               $7::int,
               1 + floor(extract(epoch FROM at - $4) / extract(epoch FROM $5 - $4) * $7)
           ),
           t.worker_output, 400,
           CASE WHEN is_scored THEN t.score END, CASE WHEN is_scored THEN t.passed END,
           CASE WHEN is_scored THEN t.detail
                ELSE '{"error": {"service": "evaluator", "code": "judge_failed"}}' END,
           CASE WHEN NOT is_scored THEN 'the judge gave no answer' END, at
    FROM (
        SELECT row_number, ($8::text[])[1 + row_number % cardinality($8)] AS task_type,
               (row_number * 0.6180339887498949::float8)::numeric % 1 AS chance,
               CASE WHEN row_number < $3::bigint
                    THEN $4::timestamptz
                         + row_number * (($5::timestamptz - $6::interval - $4) / greatest($3, 1))
                    ELSE $5 - $6 + (row_number - $3) * ($6 / $9::int)
               END AS at
        FROM generate_series($1::bigint, $2::bigint - 1) AS row_number
    ) AS rows
    CROSS JOIN LATERAL (
        SELECT chance >= $10::float AS is_scored,
               chance < $10 + $11::float OR (task_type = $8[1] AND at > $5 - $12::interval)
               AS is_failing
    ) AS fate
    JOIN filling.templates t
      ON t.number = row_number * 7919 % $13::bigint AND t.passed <> is_failing
    ORDER BY row_number
"""
SELECT_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE tablename = 'execution_logs' AND indexname <> 'execution_logs_pkey'
"""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Template:
    """An answer and its evaluation, which many rows share."""

    number: int
    passed: bool
    user_input: str
    refined_input: str
    worker_output: str
    score: float
    detail: dict[str, Any]


def disk_needed_bytes(rows: int, *, bytes_a_row: int = BYTES_A_ROW) -> int:
    """Estimate the disk that a fill takes at its peak."""
    return rows * bytes_a_row + min(WAL_BYTES, 2 * rows * bytes_a_row)


def make_templates() -> Iterator[Template]:
    """Make answers that pass and answers that fail, `TEMPLATES` of either kind."""
    for number in range(TEMPLATES):
        request = f"Write a function number_{number} that sorts a list and drops what is {number}"
        for passed in (True, False):
            yield Template(
                number,
                passed,
                request,
                f"{request}\n\nLanguage: Python.",
                _answer(number) if passed else f"Hello World {number}",
                0.874 if passed else 0.36,
                make_detail(number, passed=passed),
            )


def make_detail(number: int, *, passed: bool) -> dict[str, Any]:
    """Make an evaluation as the Evaluator writes it: at least 2 KB as PostgreSQL keeps it."""
    reasons = (f"number_{number} is defined", "no placeholder was found")
    return {
        "judge": {
            "name": "rubric",
            "score": 0.84 if passed else 0.64,
            "reason": f"by the rubric; its weakest point: nothing shows number_{number} at work",
            "criteria": [
                {"name": name, "grade": 1, "weight": 0.2, "reason": f"{name}: {reasons[0]}"}
                for name in CRITERIA
            ],
            "confidence": 1.0,
        },
        "rules": [
            {
                "name": name,
                "weight": 0.1,
                "outcome": "passed" if passed or name not in FAILED_RULES else "failed",
                "reason": f"{name.replace('_', ' ')}: {reasons[position % 2]}",
            }
            for position, name in enumerate(RULES)
        ],
        "capped": not passed,
        "worker": {"model": "simulated"},
        "evaluator": {"fingerprint": "90c4fc8fb6733694"},
        "execution": {
            "status": "finished" if passed else "not_run",
            "observations": [
                {
                    "ran": f"number_{number}({_some_list(number, at)})",
                    "kind": "call",
                    "verdict": "returned",
                    "reason": f"number_{number}({_some_list(number, at)}) gave a value",
                    "came_back": str(sorted(_some_list(number, at))),
                }
                for at in range(10 if passed else 0)
            ],
        },
        "rule_score": 1.0 if passed else 0.275,
        "judge_score": 0.84 if passed else 0.4,
    }


def _answer(number: int) -> str:
    return (
        f"```python\ndef number_{number}(items: list[int]) -> list[int]:\n"
        f'    """Return the items in order, without {number}."""\n'
        f"    return sorted(item for item in items if item != {number})\n```"
    )


def _some_list(number: int, at: int) -> list[int]:
    return [(number * 37 + at * 101 + place * 53) % 997 for place in range(6)]


async def fill(connection: asyncpg.Connection, rows: int, *, progress: Progress) -> datetime:
    """Put `rows` rows in place of whatever the log and the prompts hold.

    Indexes are made at the end, which is quicker, and the log is left analysed and vacuumed, as a
    server that has had a day would.

    Args:
        connection: One whose JSONB columns take plain values, as `connect` opens it.

    Returns:
        The time of the last row, from which the lookback counts.
    """
    indexes = await connection.fetch(SELECT_INDEXES)
    await connection.execute("TRUNCATE execution_logs, prompts, selfheal.activations")
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['indexname']}")
    await connection.execute("ALTER TABLE prompts DISABLE TRIGGER USER")
    await connection.execute("ALTER TABLE execution_logs DISABLE TRIGGER USER")
    await _insert_templates(connection)
    end: datetime = await connection.fetchval("SELECT now()")
    start = end - timedelta(days=DAYS)
    await connection.execute(
        INSERT_PROMPTS, list(TASK_TYPES), VERSIONS, start, (end - start) / VERSIONS
    )
    for first in range(0, rows, CHUNK_ROWS):
        following = min(first + CHUNK_ROWS, rows)
        await connection.execute(
            INSERT_ROWS,
            first,
            following,
            max(0, rows - LOOKBACK_ROWS),
            start,
            end,
            LOOKBACK,
            VERSIONS,
            list(TASK_TYPES),
            LOOKBACK_ROWS,
            UNSCORED_SHARE,
            FAILING_SHARE,
            BURST,
            TEMPLATES,
        )
        progress(f"{following:,} of {rows:,} rows")
    for index in indexes:
        progress(f"making {index['indexname']}")
        await connection.execute(index["indexdef"])
    await connection.execute("ALTER TABLE prompts ENABLE TRIGGER USER")
    await connection.execute("ALTER TABLE execution_logs ENABLE TRIGGER USER")
    await connection.execute("DROP SCHEMA filling CASCADE")
    progress("vacuuming")
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    return end


async def _insert_templates(connection: asyncpg.Connection) -> None:
    await connection.execute("DROP SCHEMA IF EXISTS filling CASCADE")
    await connection.execute(MAKE_TEMPLATES)
    await connection.executemany(
        INSERT_TEMPLATE,
        [
            (
                one.number,
                one.passed,
                one.user_input,
                one.refined_input,
                one.worker_output,
                one.score,
                one.detail,
            )
            for one in make_templates()
        ],
    )
