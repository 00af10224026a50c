"""Writes what the Evaluator is asked about a conversation and its answer."""

from uuid import UUID

from services.common.chat.messages import read_answer_text, read_last_user_text
from services.common.chat.outcome import require_own_message
from services.common.errors import UpstreamError
from services.common.errors.model import ModelError
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
    """Ask about a conversation's answer; texts are as long as the Evaluator's API takes.

    Raises:
        UpstreamError: If the answer is the provider's doing (docs/decisions/0025), with the code
            that the Worker has for it.
    """
    try:
        require_own_message(conversation.answer, conversation.finish_reason)
    except ModelError as error:
        raise UpstreamError(
            f"The worker answered: {error.message}", upstream="worker", upstream_code=error.code
        ) from error
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
