"""Writes what the Evaluator is asked about a conversation."""

from uuid import UUID

from services.common.chat.messages import read_answer_text, read_last_user_text
from services.common.schemas import (
    MAX_INPUT_CHARACTERS,
    MAX_OUTPUT_CHARACTERS,
    Conversation,
    EvaluationRequest,
)

NO_TEXT = "(a message without text)"


def make_evaluation_request(
    request_id: UUID,
    task_type: str,
    conversation: Conversation,
    *,
    golden_id: str | None = None,
    with_judge: bool = True,
) -> EvaluationRequest:
    """Ask about a conversation's answer; texts are as long as the Evaluator's API takes."""
    asked = read_last_user_text(conversation.messages).replace("\x00", "\ufffd")
    user_input = asked[:MAX_INPUT_CHARACTERS] if asked.strip() else NO_TEXT
    return EvaluationRequest(
        request_id=request_id,
        task_type=task_type,
        user_input=user_input,
        refined_input=user_input,
        worker_output=read_answer_text(conversation.answer)[:MAX_OUTPUT_CHARACTERS],
        golden_id=golden_id,
        conversation=conversation,
        with_judge=with_judge,
    )
