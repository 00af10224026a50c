"""What is asked of the database to erase a person's texts, and where texts may have got to."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.common.personal.blanking import BLANK_CONVERSATION, write_blanking

# What a row says that its texts were removed by.
ERASURE: Final = "selfheal erase"
# Whose a conversation was goes, too.
ERASED_CONVERSATION: Final[Mapping[str, Any]] = {
    **BLANK_CONVERSATION, "session_id": None, "end_user": None, "tags": None,
}  # fmt: skip
# With their task types; none where a conversation's row is gone.
SELECT_ROWS: Final = """
    SELECT id, task_type
    FROM (
        SELECT execution_id AS id FROM selfheal.conversations
        WHERE end_user = ANY($1) OR parameters ->> 'user' = ANY($1)
           OR parameters ->> 'safety_identifier' = ANY($1)
        UNION SELECT id FROM execution_logs WHERE request_id = ANY($2)
    ) AS theirs
    LEFT JOIN execution_logs USING (id)
    ORDER BY id
"""
SELECT_PROMPTS: Final = """
    SELECT 'The prompt of ' || task_type || ' that serves, version ' || version AS called,
           content, created_at, is_active AS serves
    FROM prompts
    UNION ALL
    SELECT 'The canary of ' || task_type, content, started_at, TRUE
    FROM selfheal.rollouts WHERE ended_at IS NULL
    ORDER BY created_at, called
"""
# In the order in which a scorer takes its locks.
LOCK: Final = (
    "DELETE FROM selfheal.pending_scores WHERE execution_id = ANY($1)",
    "SELECT FROM execution_logs WHERE id = ANY($1) ORDER BY id FOR UPDATE",
)
READ: Final = """
    SELECT id, coalesce(l.request_id, c.request_id) AS request_id,
           coalesce(l.created_at, c.created_at) AS created_at,
           coalesce(user_input, '') AS user_input, refined_input, worker_output,
           evaluation_detail, error_message, messages, choices, variables
    FROM unnest($1::bigint[]) AS id
    LEFT JOIN execution_logs AS l USING (id)
    LEFT JOIN selfheal.conversations AS c ON c.execution_id = id
    WHERE coalesce(l.created_at, c.created_at) IS NOT NULL
    ORDER BY id
"""
BLANK: Final = write_blanking(ERASURE, ERASED_CONVERSATION)
# The door tells the request in a header, the guide's route at the beginning of its answer.
FORGET_CALLS: Final = """
    DELETE FROM selfheal.idempotent_calls
    WHERE status IS NOT NULL AND coalesce(
        headers ->> 'x-selfheal-request-id', encode(substring(content FROM 16 FOR 36), 'escape')
    ) = ANY($1)
"""
# Who shared an arm shares it still, and nobody can tell whose it was.
HIDE_UNITS: Final = """
    UPDATE selfheal.rollout_answers
    SET unit = left(encode(sha256(convert_to(unit || $2, 'UTF8')), 'hex'), 16)
    WHERE execution_id = ANY($1) AND unit <> ''
"""
HIDE_DIGESTS: Final = """
    UPDATE selfheal.wager_inputs SET input_digest = 'erased ' || id WHERE input_digest = ANY($1)
"""
# What is made of rows. A change of a prompt is noted in the audit, which comes last.
DERIVED: Final[Mapping[str, Sequence[str]]] = {
    "prompts": ("content", "change_reason"),
    "optimization_reports": (
        "before_prompt_content", "after_prompt_content", "failure_analysis",
    ),
    "selfheal.candidates": ("content",),
    "selfheal.healing_runs": ("reason", "detail"),
    "selfheal.watches": ("detail",),
    "selfheal.rollouts": ("content", "reason", "detail"),
    "selfheal.jobs": ("content", "reason", "error"),
    "selfheal.audit": ("before", "after"),
}  # fmt: skip
# What was proven isn't what would serve.
CLOSE_PROPOSALS: Final = """
    UPDATE selfheal.healing_runs SET resolution = 'superseded', resolved_at = now()
    WHERE candidate_id = ANY($1) AND decision = 'proposed' AND resolution IS NULL
"""
ALLOW: Final = "SELECT set_config('selfheal.erasing', 'on', TRUE)"
TELL: Final = """
    INSERT INTO selfheal.audit (person, action, object, after)
    VALUES (selfheal.current_person(), $1, $2, $3)
"""
