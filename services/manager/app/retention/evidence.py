"""Says in SQL which rows are evidence still, however old they are."""

from typing import Final

from services.common.record.active_prompt import COUNTS_FOR_PROMPT
from services.manager.app.retention.rules import Kind

# As many scored answers of a version as the Optimizer reads at most: of the one that serves, of one
# that a watch compares, and of one that served before, of which there are so many.
SERVING_ROWS: Final = 2_600
WATCHED_ROWS: Final = 2_000
EARLIER_ROWS: Final = 200
EARLIER_PROMPTS: Final = 50
# Whose failures an incident is about, so long after its last heal that changed nothing.
INCIDENT_DAYS: Final = 7

# Over `meant`, rows of the log; $7 is the lookback in minutes. Of each task type the time from
# which all is kept: of an open rollout, and of an incident whose prompt serves still.
SINCE: Final = f"""
    since AS MATERIALIZED (
        SELECT task_type, least(
            (SELECT min(started_at) FROM selfheal.rollouts AS r
             WHERE r.task_type = named.task_type AND ended_at IS NULL),
            (SELECT min(r.created_at) FROM selfheal.healing_runs AS r
             WHERE r.task_type = named.task_type AND r.created_at >= serving.created_at
               AND r.incumbent_prompt_id = serving.id
               AND ((r.decision = 'proposed' AND r.resolution IS NULL)
                    OR (r.decision = 'held'
                        AND r.created_at > now() - interval '{INCIDENT_DAYS} days'))
            ) - make_interval(mins => $7::integer)
        ) AS kept_from
        FROM (SELECT DISTINCT task_type FROM meant) AS named
        LEFT JOIN LATERAL (
            SELECT id, created_at FROM prompts
            WHERE task_type = named.task_type AND is_active
            ORDER BY version DESC, id DESC LIMIT 1
        ) AS serving ON TRUE
    )
"""
# The latest time that a prompt served, and from when on its newest answers are needed: those that
# count, as many as are read.
PERIODS: Final = f"""
    served AS MATERIALIZED (
        SELECT p.task_type, p.version, coalesce(a.activated_at, p.created_at) AS since,
               coalesce(a.replaced_at, 'infinity') AS until, is_watched,
               row_number() OVER (
                   PARTITION BY p.task_type
                   ORDER BY coalesce(a.activated_at, p.created_at) DESC, p.id DESC
               ) AS nth
        FROM (SELECT DISTINCT task_type FROM meant) AS named
        JOIN prompts AS p USING (task_type)
        LEFT JOIN LATERAL (
            SELECT activated_at, (
                SELECT min(activated_at) FROM selfheal.activations
                WHERE task_type = p.task_type AND id > latest.id
            ) AS replaced_at
            FROM selfheal.activations AS latest
            WHERE prompt_id = p.id ORDER BY id DESC LIMIT 1
        ) AS a ON TRUE
        CROSS JOIN LATERAL (SELECT EXISTS (
            SELECT FROM selfheal.watches AS w
            WHERE w.task_type = p.task_type AND w.ended_at IS NULL
              AND p.id IN (w.prompt_id, w.before_prompt_id, w.last_good_prompt_id)
        ) AS is_watched) AS w
    ), periods AS MATERIALIZED (
        SELECT served.*, coalesce(oldest.created_at, since) AS kept_from
        FROM served
        JOIN (SELECT DISTINCT task_type, prompt_version FROM meant) AS v
          ON v.task_type = served.task_type AND v.prompt_version = version
        LEFT JOIN LATERAL (
            SELECT created_at FROM execution_logs
            WHERE task_type = served.task_type AND prompt_version = version
              AND created_at >= since AND created_at < until
              AND evaluation_passed IS NOT NULL AND {COUNTS_FOR_PROMPT}
            ORDER BY created_at DESC
            OFFSET CASE WHEN until = 'infinity' THEN {SERVING_ROWS}
                        WHEN is_watched THEN {WATCHED_ROWS} ELSE {EARLIER_ROWS} END - 1
            LIMIT 1
        ) AS oldest ON TRUE
        WHERE is_watched OR ({{needs_figures}} AND nth <= {EARLIER_PROMPTS} + 1)
    )
"""
IS_EVIDENCE: Final = """(
    EXISTS (SELECT FROM selfheal.pending_scores WHERE execution_id = meant.id)
    OR EXISTS (
        SELECT FROM since
        WHERE since.task_type = meant.task_type AND meant.created_at >= since.kept_from
    )
    OR (meant.is_scored AND EXISTS (
        SELECT FROM periods AS p
        WHERE p.task_type = meant.task_type AND p.version = meant.prompt_version
          AND meant.created_at >= p.kept_from AND meant.created_at < p.until
    ))
)"""


def write_evidence(kind: Kind) -> str:
    """Write the tables that `IS_EVIDENCE` reads: figures outlast texts."""
    return f"{SINCE}, {PERIODS.format(needs_figures=str(kind == 'rows').upper())}"
