from support.rows import for_each

from services.common.errors import UpstreamError, UpstreamTimeoutError
from services.manager.app.door.errors import AnswerFailedError


@for_each(
    [
        ("model_rate_limited", 429, "model_rate_limited", None),
        ("model_quota_spent", 429, "model_quota_spent", "false"),
        ("model_rejected", 502, "model_rejected", "false"),
        ("model_refused_request", 400, "model_refused_request", "false"),
        ("model_content_filtered", 502, "model_content_filtered", "false"),
        ("model_unavailable", 502, "model_unavailable", None),
        ("model_invalid_answer", 502, "model_invalid_answer", None),
        ("internal_error", 502, "worker_failed", None),
        ("unreachable", 502, "worker_failed", None),
    ]
)
def test_a_client_is_told_what_failed_and_whether_to_come_again(
    row: tuple[str, int, str, str | None],
) -> None:
    upstream_code, status, code, retry = row
    cause = UpstreamError(
        "The worker answered: No.",
        upstream="worker",
        upstream_code=upstream_code,
        upstream_message="No.",
        param="tools",
    )
    cause.headers = {"retry-after": "7"}
    error = AnswerFailedError(cause)
    assert (error.status_code, error.code, error.message) == (status, code, "No.")
    assert error.context == {"param": "tools"}
    assert error.headers.get("x-should-retry") == retry
    assert error.headers["retry-after"] == "7"


def test_a_worker_that_takes_too_long_is_a_timeout() -> None:
    error = AnswerFailedError(UpstreamTimeoutError(upstream="worker", seconds=90))
    assert (error.status_code, error.code) == (504, "worker_failed")
    assert error.message == "The worker gave no answer in 90 s."
