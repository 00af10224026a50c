"""Failures of a model's provider."""

from services.common.errors import ServiceError


class ModelError(ServiceError):
    """The model's provider failed; nothing is known about the prompt."""

    status_code = 502
    code = "model_failed"


class ModelRateLimitedError(ModelError):
    """The provider refuses for now (HTTP 429), or wasn't asked in the pause that it wanted."""

    status_code = 503
    code = "model_rate_limited"

    def __init__(self, message: str, *, was_asked: bool = True) -> None:
        super().__init__(message)
        self.was_asked = was_asked


class ModelTimeoutError(ModelError):
    """The provider gave no answer in time."""

    status_code = 504
    code = "model_timeout"


class ModelOutOfTimeError(ModelTimeoutError):
    """The request's own deadline came first, which says nothing of the provider."""

    code = "model_out_of_time"

    def __init__(self) -> None:
        super().__init__("The request's deadline came before the model's answer.")


class ModelUnavailableError(ModelError):
    """The provider can't be reached, or fails on its side (HTTP 5xx)."""

    code = "model_unavailable"


class ModelRejectedError(ModelError):
    """The provider refuses the request for good: a wrong key, model or parameter.

    `reason` is what it says of the request, unmasked, and `param` which field it names; the
    reason is empty where only the operator can do something about it.
    """

    code = "model_rejected"

    def __init__(self, message: str, *, reason: str = "", param: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.param = param


class ModelRefusedRequestError(ModelError):
    """The model doesn't take what a client at the door sent; `param` names the field."""

    status_code = 400
    code = "model_refused_request"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message, param=param)


class ModelInvalidAnswerError(ModelError):
    """The provider's answer is no chat completion."""

    code = "model_invalid_answer"


class ModelQuotaSpentError(ModelError):
    """The account's quota or credit is spent; waiting a moment doesn't help."""

    code = "model_quota_spent"


class ModelContentFilteredError(ModelError):
    """The provider withholds the answer, or refuses what it was asked."""

    code = "model_content_filtered"


class ModelAnswerCutError(ModelError):
    """The answer reached the most tokens that it may have while its code or JSON was on its way."""

    code = "model_answer_cut"


class ModelEmptyAnswerError(ModelError):
    """The provider gave no text, and not because the model chose to end there."""

    code = "model_empty_answer"
