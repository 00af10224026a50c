"""What a call with an `Idempotency-Key` may be refused for."""

import math

from services.common.errors import ServiceError


class InvalidIdempotencyKeyError(ServiceError):
    """The key isn't one header of 1 to 255 visible ASCII characters."""

    status_code = 400
    code = "invalid_idempotency_key"

    def __init__(self) -> None:
        super().__init__(
            "Idempotency-Key must be one header of 1 to 255 visible ASCII characters, such as a "
            "UUID."
        )


class CallInProgressError(ServiceError):
    """Another try of the same call is under way, or took this one's place."""

    status_code = 409
    code = "idempotency_in_progress"

    def __init__(self, *, wait_seconds: float) -> None:
        super().__init__(
            "A call with this Idempotency-Key is under way: its answer will be there for the next "
            "try."
        )
        self.headers = {"retry-after": str(max(math.ceil(wait_seconds), 1))}


class KeyReusedError(ServiceError):
    """The key came before, with another body."""

    status_code = 422
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key came before with another body: a new request needs a new key, "
            "and a retry the same bytes."
        )


class AnswerTooLargeError(ServiceError):
    """The call was answered, and its answer was too large to be kept."""

    status_code = 422
    code = "idempotent_answer_too_large"

    def __init__(self, *, request_id: str, limit_bytes: int) -> None:
        super().__init__(
            f"This call was answered, but its answer is over the {limit_bytes} bytes that are kept "
            f"for a retry. What the log has of it: GET /api/v1/requests/{request_id}"
        )
