"""What goes wrong at the door, with the status and code that OpenAI's clients act on."""

from services.common.chat.errors import DONT_RETRY
from services.common.errors import ServiceError, UnknownTaskTypeError, UpstreamError
from services.common.errors.model import ModelRefusedRequestError

RATE_LIMITED = "model_rate_limited"
QUOTA_SPENT = "model_quota_spent"
REFUSED_REQUEST = ModelRefusedRequestError.code
MODEL_CODES = "model_"
# What a client does about them is what it does about these statuses.
STATUSES = {RATE_LIMITED: 429, QUOTA_SPENT: 429, REFUSED_REQUEST: 400}
# The same request would come to the same.
FINAL_CODES = (
    *("model_rejected", REFUSED_REQUEST, QUOTA_SPENT),
    *("model_content_filtered", "model_answer_cut"),
)


class InvalidChatRequestError(ServiceError):
    """The request can't be served as it stands; `param` names the field."""

    status_code = 400
    code = "invalid_request"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message, param=param)


class ModelNotFoundError(InvalidChatRequestError):
    """No task type of that name has an active prompt."""

    status_code = 404
    code = "model_not_found"

    def __init__(self, unknown: UnknownTaskTypeError) -> None:
        known = ", ".join(unknown.context["known_task_types"]) or "none"
        super().__init__(
            f"There is no model {unknown.context['task_type']!r}: a model is a task type with an "
            f"active prompt. There are: {known}.",
            param="model",
        )


class UnknownRequestError(ServiceError):
    """No row of the log has this request id."""

    status_code = 404
    code = "unknown_request"


class TextsRemovedError(ServiceError):
    """What was asked is no longer kept; the figures of the row are."""

    status_code = 410
    code = "texts_removed"

    def __init__(self, setting: str) -> None:
        super().__init__(f"The texts of this request were removed by {setting}.")


class BrokenAnswerError(UpstreamError):
    """The Worker's answer began well, and then is none."""

    def __init__(
        self, message: str, *, code: str, told: str = "", param: str | None = None
    ) -> None:
        super().__init__(
            message, upstream="worker", upstream_code=code, upstream_message=told, param=param
        )


class AnswerFailedError(ServiceError):
    """No answer came of it: the model's provider or the Worker failed, or refuses the request."""

    def __init__(self, cause: UpstreamError) -> None:
        message = cause.upstream_message or f"{cause.message.rstrip('.')}."
        super().__init__(message, param=cause.param)
        of_model = cause.upstream_code.startswith(MODEL_CODES)
        self.code = cause.upstream_code if of_model else cause.code
        self.status_code = STATUSES.get(self.code, cause.status_code)
        self.headers = cause.headers | (DONT_RETRY if self.code in FINAL_CODES else {})
