import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.common.schemas import (
    MAX_INPUT_CHARACTERS,
    MAX_OUTPUT_CHARACTERS,
    AgentRequest,
    AgentResponse,
    ErrorResponse,
    EvaluationRequest,
    EvaluationResponse,
    HealthResponse,
    Schema,
    TaskRequest,
    TaskResponse,
)

ID = "11111111-2222-4333-8444-555555555555"
MAX_REFINED_CHARACTERS = 3 * MAX_INPUT_CHARACTERS + 1_000
VALID: dict[type[Schema], dict[str, Any]] = {
    AgentRequest: {"user_input": "Sort a list", "task_type": "code_generation"},
    AgentResponse: {
        "request_id": ID,
        "refined_input": "Sort a list.",
        "worker_output": "",
        "evaluation_score": 0.7,
        "evaluation_passed": True,
        "prompt_version": 1,
        "model": "simulated",
        "judge": "rubric",
    },
    TaskRequest: {"request_id": ID, "task_type": "t", "refined_input": "Sort a list."},
    TaskResponse: {
        "request_id": ID,
        "output": "",
        "prompt_version": 1,
        "latency_ms": 0,
        "model": "simulated",
    },
    EvaluationRequest: {
        "request_id": ID,
        "task_type": "t",
        "user_input": "Sort a list",
        "refined_input": "Sort a list.",
        "worker_output": "",
    },
    EvaluationResponse: {"request_id": ID, "score": 0.36, "passed": False, "detail": {}},
    ErrorResponse: {"code": "not_found", "message": "GET /: Not Found", "request_id": ID},
}


def problem_of(schema: type[Schema], **changes: Any) -> str:
    """Why `schema` refuses its valid example with these changes."""
    with pytest.raises(ValidationError) as refusal:
        schema.model_validate({**VALID[schema], **changes})
    [problem] = refusal.value.errors()
    assert set(problem["loc"][:1]) <= set(changes)
    return str(problem["msg"])


@pytest.mark.parametrize("schema", VALID, ids=lambda schema: schema.__name__)
def test_a_valid_example_survives_the_wire(schema: type[Schema]) -> None:
    message = schema.model_validate(VALID[schema])

    assert schema.model_validate_json(message.model_dump_json()) == message


@pytest.mark.parametrize("schema", VALID, ids=lambda schema: schema.__name__)
def test_unknown_fields_do_no_harm(schema: type[Schema]) -> None:
    schema.model_validate({**VALID[schema], "from_a_newer_client": 1})


REQUIRED = [
    pytest.param(schema, field, id=f"{schema.__name__}.{field}")
    for schema, example in VALID.items()
    for field in example
]


@pytest.mark.parametrize(("schema", "field"), REQUIRED)
def test_no_field_of_the_examples_may_be_missing_or_null(schema: type[Schema], field: str) -> None:
    rest = {name: value for name, value in VALID[schema].items() if name != field}

    for example in (rest, {**rest, field: None}):
        with pytest.raises(ValidationError):
            schema.model_validate(example)


LENGTHS = [
    (AgentRequest, "user_input", 1, MAX_INPUT_CHARACTERS),
    (AgentRequest, "task_type", 1, 64),
    (TaskRequest, "task_type", 1, 64),
    (TaskRequest, "refined_input", 1, MAX_REFINED_CHARACTERS),
    (EvaluationRequest, "task_type", 1, 64),
    (EvaluationRequest, "user_input", 1, MAX_INPUT_CHARACTERS),
    (EvaluationRequest, "refined_input", 1, MAX_REFINED_CHARACTERS),
    (EvaluationRequest, "worker_output", 0, MAX_OUTPUT_CHARACTERS),
    (TaskResponse, "output", 0, MAX_OUTPUT_CHARACTERS),
]


@pytest.mark.parametrize("character", ["x", "가", "😀"], ids=["ASCII", "Korean", "emoji"])
@pytest.mark.parametrize(
    ("schema", "field", "least", "most"),
    [pytest.param(*row, id=f"{row[0].__name__}.{row[1]}") for row in LENGTHS],
)
def test_a_text_is_as_long_as_its_characters(
    schema: type[Schema], field: str, least: int, most: int, character: str
) -> None:
    for length in (least, most):
        schema.model_validate({**VALID[schema], field: character * length})
    assert f"at most {most} characters" in problem_of(schema, **{field: character * (most + 1)})
    if least:
        assert "at least 1 character" in problem_of(schema, **{field: ""})


TEXTS = [
    pytest.param(schema, field, id=f"{schema.__name__}.{field}") for schema, field, *_ in LENGTHS
]


@pytest.mark.parametrize(("schema", "field"), TEXTS)
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a\x00b", "NUL"),
        ("\ud800", "unicode string"),
        ("a\udfffb", "unicode string"),
        ("\udc00\ud800", "unicode string"),
    ],
    ids=["NUL", "high surrogate", "low surrogate", "pair in the wrong order"],
)
def test_a_text_holds_nothing_that_the_database_cannot(
    schema: type[Schema], field: str, text: str, problem: str
) -> None:
    assert problem in problem_of(schema, **{field: text})


@pytest.mark.parametrize(("schema", "field"), TEXTS)
@pytest.mark.parametrize(
    "value",
    [True, 1, 1.5, b"bytes", ["x"], {"x": 1}],
    ids=["boolean", "integer", "float", "bytes", "list", "object"],
)
def test_nothing_else_is_taken_for_a_text(schema: type[Schema], field: str, value: object) -> None:
    assert "valid string" in problem_of(schema, **{field: value})


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        (AgentRequest, "user_input"),
        (AgentRequest, "task_type"),
        (TaskRequest, "task_type"),
        (EvaluationRequest, "user_input"),
        (EvaluationRequest, "task_type"),
    ],
)
@pytest.mark.parametrize(
    "text", [" ", "\t\n\r", "\u00a0\u2003\u3000"], ids=["space", "line breaks", "exotic spaces"]
)
def test_white_space_alone_is_no_request(schema: type[Schema], field: str, text: str) -> None:
    assert problem_of(schema, **{field: text}) == "must not be blank"


@pytest.mark.parametrize("text", ["{user_input}", "100 %", "{{ 7*7 }}", "${HOME}", " padded\n"])
def test_a_text_is_taken_as_it_is(text: str) -> None:
    assert AgentRequest(user_input=text, task_type="t").user_input == text


@given(st.text(min_size=1, max_size=100))
def test_what_a_request_accepts_utf8_and_postgresql_can_hold(text: str) -> None:
    try:
        request = AgentRequest(user_input=text, task_type="t")
    except ValidationError:
        return
    assert "\x00" not in request.user_input
    assert request.user_input.encode().decode() == text
    assert json.loads(request.model_dump_json())["user_input"] == text


@pytest.mark.parametrize("schema", [TaskRequest, EvaluationRequest])
@pytest.mark.parametrize(
    "value",
    ["", "42", ID[:-1], ID + "0", 7, True, ["x"]],
    ids=["empty", "number", "short", "long", "integer", "boolean", "list"],
)
def test_a_request_id_is_a_uuid(schema: type[Schema], value: object) -> None:
    assert "UUID" in problem_of(schema, request_id=value)


def test_a_candidate_is_optional_and_a_uuid() -> None:
    assert TaskRequest.model_validate(VALID[TaskRequest]).candidate_id is None
    assert TaskRequest.model_validate(
        {**VALID[TaskRequest], "candidate_id": ID}
    ).candidate_id == UUID(ID)
    assert "UUID" in problem_of(TaskRequest, candidate_id="the best one")


@pytest.mark.parametrize("score", [-0.01, 1.01, float("nan"), float("inf"), "high", None])
def test_a_score_is_a_number_from_0_to_1(score: object) -> None:
    problem_of(EvaluationResponse, score=score)


@pytest.mark.parametrize("field", ["prompt_version", "latency_ms"])
@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 10**30])
def test_an_answer_of_the_worker_fits_the_columns_of_the_log(field: str, value: int) -> None:
    problem_of(TaskResponse, **{field: value})


def test_a_latency_is_not_negative() -> None:
    problem_of(TaskResponse, latency_ms=-1)


@pytest.mark.parametrize(
    "detail", ['{"a": NaN}', '{"a": [{"b": -Infinity}]}', '{"a": 1e999}'], ids=str
)
def test_a_detail_holds_nothing_that_jsonb_cannot(detail: str) -> None:
    answer = f'{{"request_id": "{ID}", "score": 0.5, "passed": false, "detail": {detail}}}'

    with pytest.raises(ValidationError, match="finite"):
        EvaluationResponse.model_validate_json(answer)


def test_a_detail_may_hold_any_json() -> None:
    detail = {"a": [1, 2.5, None, True, "x", {"b": {}}]}

    answer = EvaluationResponse.model_validate({**VALID[EvaluationResponse], "detail": detail})

    assert answer.detail == detail


def test_an_error_keeps_what_it_tells_beside_its_three_fields() -> None:
    error = ErrorResponse.model_validate({**VALID[ErrorResponse], "known_task_types": ["a"]})

    assert error.model_extra == {"known_task_types": ["a"]}


def test_health_is_ok_by_default() -> None:
    assert HealthResponse(service="worker", version="1").model_dump() == {
        "status": "ok",
        "service": "worker",
        "version": "1",
    }
