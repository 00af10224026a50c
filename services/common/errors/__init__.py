"""Errors that own their HTTP status and code; every failure a client sees is one of these."""

import random
from typing import Any


class ServiceError(Exception):
    """A failure that a client is told about as JSON: `code`, a sentence, the `request_id`.

    `headers` go along with it, such as `retry-after`.
    """

    status_code: int = 500
    code: str = "internal_error"

    def __init__(self, message: str, **context: Any) -> None:
        super().__init__(message)
        self.message = message
        self.context = context
        self.headers: dict[str, str] = {}


class InvalidRequestError(ServiceError):
    """The request can't be served as it stands."""

    status_code = 422
    code = "invalid_request"


class RequestTooLargeError(ServiceError):
    """The body is over the limit."""

    status_code = 413
    code = "request_too_large"

    def __init__(self, *, limit_bytes: int) -> None:
        super().__init__(f"The request body is over the limit of {limit_bytes} bytes.")


class UnsupportedMediaTypeError(ServiceError):
    """The body is something else than JSON, or doesn't say that it is JSON."""

    status_code = 415
    code = "unsupported_media_type"

    def __init__(self) -> None:
        super().__init__("Send JSON, with the header Content-Type: application/json.")


class UnauthenticatedError(ServiceError):
    """Nothing that came with the request says who calls, or what does isn't valid."""

    status_code = 401
    code = "unauthenticated"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.headers = {"www-authenticate": "Bearer"}


class ForbiddenError(ServiceError):
    """The caller is known, and asked for something that it may not do."""

    status_code = 403
    code = "forbidden"


class TooManyAttemptsError(ServiceError):
    """The caller has tried too often, and may try again after a while."""

    status_code = 429
    code = "too_many_attempts"

    def __init__(self, *, wait_seconds: int) -> None:
        super().__init__(f"Too many attempts. Try again in {wait_seconds} seconds.")
        self.headers = {"retry-after": str(wait_seconds)}


class OverloadedError(ServiceError):
    """The service has more to do than it can do in time; nothing was done of this."""

    status_code = 503
    code = "overloaded"

    def __init__(self) -> None:
        super().__init__("There is more to do than can be done in time: ask again in a moment.")
        # Not all at the same time.
        self.headers = {"retry-after": str(random.randint(1, 3))}  # noqa: S311 - no secret


class UnknownTaskTypeError(ServiceError):
    """No active prompt serves this task type; `known_task_types` names those that have one."""

    status_code = 404
    code = "unknown_task_type"

    def __init__(self, *, task_type: str, known: list[str]) -> None:
        names = ", ".join(known) or "none"
        super().__init__(
            f"No active prompt for task type {task_type!r}. Known: {names}.",
            task_type=task_type,
            known_task_types=known,
        )


class UnknownCandidateError(ServiceError):
    """The candidate isn't there, or belongs to another task type."""

    status_code = 404
    code = "unknown_candidate"


class DeadlinePassedError(ServiceError):
    """The time that the caller gave for an answer was up before anything was done."""

    status_code = 504
    code = "deadline_passed"

    def __init__(self) -> None:
        super().__init__("The request's deadline had passed before it arrived.")


class ClientGoneError(ServiceError):
    """The client hung up: what was done for it has ended. Nobody reads this answer."""

    status_code = 499
    code = "client_closed"

    def __init__(self) -> None:
        super().__init__("The client hung up.")


class DatabaseUnavailableError(ServiceError):
    """PostgreSQL can't be reached or didn't answer in time."""

    status_code = 503
    code = "database_unavailable"


class UnscoredError(ServiceError):
    """The judge gave no usable score; an answer without one is unscored, never zero."""

    status_code = 503
    code = "judge_unavailable"


class JudgeInvalidError(UnscoredError):
    """The judge answered, twice, with something that is no score."""

    code = "judge_invalid"


class NotJudgeableError(UnscoredError):
    """The answer can't be judged here: running it takes what the sandbox doesn't have."""

    code = "not_judgeable"


class OutOfTimeError(UnscoredError):
    """The request's deadline came before there was anything to score by."""

    status_code = 504
    code = "out_of_time"

    def __init__(self) -> None:
        super().__init__("The request's deadline came before the answer could be scored.")


class NotJudgedError(ServiceError):
    """The rules show no failure, and the judge was not to be asked."""

    status_code = 422
    code = "not_judged"


class UpstreamError(ServiceError):
    """A sibling service failed or can't be reached; `upstream_code` is the code it gave.

    `upstream_message` is what it said, where it said something, and `param` the field it named.
    `told` has the headers of ours that its failure came with.
    """

    status_code = 502

    def __init__(
        self,
        message: str,
        *,
        upstream: str,
        upstream_code: str,
        upstream_message: str = "",
        param: str | None = None,
    ) -> None:
        super().__init__(message, upstream=upstream, upstream_code=upstream_code)
        self.code = f"{upstream}_failed"
        self.upstream = upstream
        self.upstream_code = upstream_code
        self.upstream_message = upstream_message
        self.param = param
        self.told: dict[str, str] = {}


class UpstreamTimeoutError(UpstreamError):
    """A sibling service gave no answer in time.

    `upstream_code` is `timeout` where it had all the time that a call to it may take, and
    `deadline_passed`, which says nothing of it, where the request's deadline came before that.
    """

    status_code = 504

    def __init__(self, *, upstream: str, seconds: float, code: str = "timeout") -> None:
        super().__init__(
            f"The {upstream} gave no answer in {seconds:.3g} s.",
            upstream=upstream,
            upstream_code=code,
        )


class UpstreamOverloadedError(UpstreamError):
    """A sibling service refuses for now: it has more to do than it can do in time."""

    status_code = OverloadedError.status_code

    def __init__(self, *, upstream: str) -> None:
        refusal = OverloadedError()
        super().__init__(refusal.message, upstream=upstream, upstream_code=refusal.code)
        self.code = refusal.code
        self.headers = refusal.headers
