import pytest

from services.common import errors
from services.common.errors import ServiceError, UpstreamError, UpstreamTimeoutError, model

ERRORS = {**vars(errors), **vars(model)}

STATUSES = {
    "InvalidRequestError": (422, "invalid_request"),
    "RequestTooLargeError": (413, "request_too_large"),
    "UnsupportedMediaTypeError": (415, "unsupported_media_type"),
    "ForbiddenError": (403, "forbidden"),
    "UnknownTaskTypeError": (404, "unknown_task_type"),
    "UnknownCandidateError": (404, "unknown_candidate"),
    "DatabaseUnavailableError": (503, "database_unavailable"),
    "DeadlinePassedError": (504, "deadline_passed"),
    "ClientGoneError": (499, "client_closed"),
    "UnscoredError": (503, "judge_unavailable"),
    "OutOfTimeError": (504, "out_of_time"),
    "ModelOutOfTimeError": (504, "model_out_of_time"),
    "JudgeInvalidError": (503, "judge_invalid"),
    "ModelError": (502, "model_failed"),
    "ModelRateLimitedError": (503, "model_rate_limited"),
    "ModelTimeoutError": (504, "model_timeout"),
    "ModelUnavailableError": (502, "model_unavailable"),
    "ModelRejectedError": (502, "model_rejected"),
    "ModelRefusedRequestError": (400, "model_refused_request"),
    "ModelInvalidAnswerError": (502, "model_invalid_answer"),
    "ModelQuotaSpentError": (502, "model_quota_spent"),
    "ModelContentFilteredError": (502, "model_content_filtered"),
    "ModelAnswerCutError": (502, "model_answer_cut"),
    "ModelEmptyAnswerError": (502, "model_empty_answer"),
}


@pytest.mark.parametrize("name", STATUSES)
def test_an_error_owns_its_status_and_code(name: str) -> None:
    error = ERRORS[name]

    assert issubclass(error, ServiceError)
    assert (error.status_code, error.code) == STATUSES[name]


def test_no_two_errors_share_a_code() -> None:
    classes = [value for value in ERRORS.values() if isinstance(value, type)]
    codes = [error.code for error in classes if issubclass(error, ServiceError)]
    own = [code for code in codes if code != ServiceError.code]

    assert len(own) == len(set(own))


def test_an_upstream_error_is_named_after_the_service() -> None:
    error = UpstreamError("The worker failed", upstream="worker", upstream_code="model_timeout")

    assert (error.status_code, error.code) == (502, "worker_failed")
    assert error.context == {"upstream": "worker", "upstream_code": "model_timeout"}


def test_a_timeout_says_how_long_was_waited() -> None:
    error = UpstreamTimeoutError(upstream="evaluator", seconds=0.5)

    assert (error.status_code, error.code) == (504, "evaluator_failed")
    assert error.message == "The evaluator gave no answer in 0.5 s."


@pytest.mark.parametrize(("known", "named"), [(["a", "b"], "Known: a, b."), ([], "Known: none.")])
def test_an_unknown_task_type_names_the_known(known: list[str], named: str) -> None:
    error = errors.UnknownTaskTypeError(task_type="poetry", known=known)

    assert "'poetry'" in error.message
    assert named in error.message
    assert error.context == {"task_type": "poetry", "known_task_types": known}
