"""Writes in SQL what takes the texts out of rows of the log; their figures stay."""

from collections.abc import Mapping
from typing import Any, Final

from services.common.evaluation_detail import REMOVED

# What stands in the columns that hold texts, by table.
BLANK_EXECUTION: Final[Mapping[str, Any]] = {
    "user_input": "", "refined_input": None, "worker_output": None,
}  # fmt: skip
BLANK_CONVERSATION: Final[Mapping[str, Any]] = {
    "messages": [], "tools": None, "parameters": {}, "variables": {}, "choices": None,
}  # fmt: skip
# Of an evaluation's detail, and of parts of it: figures, codes, and names of ours.
FIGURES: Final = "rule_score,judge_score,capped,evidence"
PARTS: Final = {
    "judge": "name,score,confidence,judgements,spread,calls,input_tokens,output_tokens,"
    "cached_tokens,untold_calls,cost_usd",
    "execution": "status,backend,layers,cpu_ms,wall_ms,output_cut",
    "evaluator": "fingerprint",
    # Not the unit: by what an arm was drawn, which is a person's.
    "worker": "model,provider,input_tokens,output_tokens,cached_tokens,cost_usd,fallback,rollout,"
    "arm",
    "error": "service,code",
}


def write_remains(by: str) -> str:
    """Write what is selected of `error_message` and of `detail`, without their texts.

    Args:
        by: What they are removed by.
    """
    parts = ", ".join(
        f"'{part}', " + _pick(f"detail -> '{part}'", keys) for part, keys in PARTS.items()
    )
    return f"""
        CASE WHEN error_message <> '' THEN
            coalesce(substring(error_message FROM '^[a-z_]+(?=:)'), 'removed by {by}')
        END AS error_message,
        coalesce({_pick("detail", FIGURES)}, '{{}}')
        || jsonb_strip_nulls(jsonb_build_object('rules', (
            SELECT jsonb_agg({_pick("rule", "name,weight,outcome")})
            FROM jsonb_array_elements(
                CASE WHEN jsonb_typeof(detail -> 'rules') = 'array' THEN detail -> 'rules' END
            ) AS rule
        ), {parts}))
        || jsonb_build_object('{REMOVED}', jsonb_build_object('by', '{by}', 'at', now()))
        AS evaluation_detail
    """


def write_blanking(by: str, conversation: Mapping[str, Any] = BLANK_CONVERSATION) -> str:
    """Write what takes the texts out of the rows $1.

    A detail is large: fetched once (`#> '{}'`, and no planner pulls up an OFFSET), then read often.

    Args:
        by: What they are removed by.
        conversation: What stands in the columns of their conversations.
    """
    return f"""
        WITH conversations AS (
            UPDATE selfheal.conversations SET {_assign(conversation)}
            WHERE execution_id = ANY($1::bigint[])
        )
        UPDATE execution_logs
        SET {_assign(BLANK_EXECUTION)}, error_message = remains.error_message,
            evaluation_detail = remains.evaluation_detail
        FROM (
            SELECT id, {write_remains(by)}
            FROM (
                SELECT id, error_message, evaluation_detail #> '{{}}' AS detail
                FROM execution_logs WHERE id = ANY($1) OFFSET 0
            ) AS read
        ) AS remains
        WHERE execution_logs.id = remains.id
    """


def _assign(columns: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} = NULL" if blank is None else f"{name} = '{blank}'"
        for name, blank in columns.items()
    )


def _pick(value: str, keys: str) -> str:
    """Write these fields of an object; NULL where it is none."""
    return f"""(
        SELECT jsonb_object_agg(key, value)
        FROM jsonb_each(CASE WHEN jsonb_typeof({value}) = 'object' THEN {value} END)
        WHERE key = ANY('{{{keys}}}')
    )"""
