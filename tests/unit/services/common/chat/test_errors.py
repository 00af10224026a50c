from support.rows import for_each

from services.common.chat.errors import name_retry, openai_error
from services.common.errors import ServiceError


@for_each(
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "invalid_request_error"),
        (413, "invalid_request_error"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (502, "server_error"),
        (503, "server_error"),
        (504, "server_error"),
    ]
)
def test_each_status_has_the_type_that_openai_gives_it(row: tuple[int, str]) -> None:
    error = ServiceError("So it is.", param="messages")
    error.status_code, kind = row
    error.code = "a_code"
    assert openai_error(error) == {
        "error": {"message": "So it is.", "type": kind, "param": "messages", "code": "a_code"}
    }


def test_an_error_of_no_field_names_none() -> None:
    assert openai_error(ServiceError("So it is."))["error"]["param"] is None


def test_only_what_may_help_is_worth_a_retry() -> None:
    final = {status for status in range(100, 600) if name_retry(status)}
    assert final == set(range(400, 500)) - {408, 409, 429}
