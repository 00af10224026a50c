"""Verdicts on structured data: right answers in many forms pass, and wrong ones never do."""

import asyncio
import json
from typing import Any

from support.rows import for_each

from services.common.schemas import EvaluationRequest
from services.common.task_types.registry import open_task_types
from services.evaluator.app.services.evaluation import Evaluation
from services.evaluator.app.services.judging.judge import RubricJudge

GOLDEN = open_task_types(None).golden_inputs("json_extraction")
REQUESTS = {golden_id: text for text, golden_id in GOLDEN.ids.items()}
MIRA = {"name": "Mira Holt", "age": 41, "email": "mira.holt@example.org"}
MIRA_TEXT = "Mira Holt, 41 years old, wrote to us from mira.holt@example.org about her order."
TEXT_FIELD, NUMBER_FIELD = {"type": "string"}, {"type": "number"}


def passes(request: str, answer: str, golden_id: str | None = None) -> bool:
    asked = EvaluationRequest.model_validate(
        {
            "request_id": "5f1c2a8e-5a5e-4b0e-9d0e-1f2a3b4c5d6e",
            "task_type": "json_extraction",
            "user_input": request,
            "refined_input": request,
            "worker_output": answer,
            "golden_id": golden_id,
        }
    )
    verdict, _ = asyncio.run(Evaluation(RubricJudge()).evaluate(asked))
    return verdict.passed


def ask(text: str, **fields: Any) -> str:
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    return f"Extract as JSON:\n\n```json\n{json.dumps(schema)}\n```\n\nText: {text}"


MIRA_REQUEST = ask(
    MIRA_TEXT, name=TEXT_FIELD, age={"type": "integer"}, email={"type": ["string", "null"]}
)
WRAPPINGS = [
    "{}",
    "<think>age 14? no 41</think>\n{}",
    "<thinking>\n```json\n[1]\n```\n</thinking>\n```JSON\n{}\n```",
    "1. Here:\n\n   ~~~data\n   {}\n   ~~~\n",
    "\ufeffHere is the JSON: {}<|im_end|>",
    "```json\n{}\n```\nAnything else?",
    "> ````\n> {}\n> ````",
]


@for_each(WRAPPINGS)
def test_a_wrapping_changes_no_verdict(wrapping: str) -> None:
    assert passes(MIRA_REQUEST, wrapping.replace("{}", json.dumps(MIRA)))
    for wrong in ({"age": 42}, {"name": "John Smith"}, {"email": "m.holt@mail.example"}):
        assert not passes(MIRA_REQUEST, wrapping.replace("{}", json.dumps(MIRA | wrong)))


MADE_UP = {
    "age": {"age": 42},
    "age-far-off": {"age": 77},
    "name": {"name": "John Smith"},
    "half-a-name": {"name": "Mira Stone"},
    "email": {"email": "mira@example.org"},
}
WIDE_TEXT = (
    "Order PX-4471 of 12 March 2024 from Otter Books, London: 3 atlases at 49.50 each, 148.50 in "
    "all; call 0161 496 0345."
)
WIDE = {
    "order_id": "PX-4471",
    "date": "2024-03-12",
    "vendor": "Otter Books",
    "price": 49.5,
    "city": "London",
    "phone": "0161 496 0345",
}
WIDE_REQUEST = ask(
    WIDE_TEXT,
    **{name: TEXT_FIELD if isinstance(WIDE[name], str) else NUMBER_FIELD for name in WIDE},
)
WIDE_MADE_UP = {
    "id": {"order_id": "PX-4472"},
    "date": {"date": "2024-05-12"},
    "swapped-date": {"date": "2024-12-03"},
    "year": {"date": "2023-03-12"},
    "company": {"vendor": "Badger Press"},
    "price": {"price": 59.9},
    "city": {"city": "Paris"},
    "phone": {"phone": "0161 496 0999"},
}


@for_each([*MADE_UP.values()])
def test_a_value_that_is_made_up_can_not_pass(wrong: dict[str, object]) -> None:
    assert not passes(MIRA_REQUEST, json.dumps(MIRA | wrong))


@for_each([*WIDE_MADE_UP.values()])
def test_one_value_of_many_that_is_made_up_can_not_pass(wrong: dict[str, object]) -> None:
    assert passes(WIDE_REQUEST, json.dumps(WIDE))
    assert not passes(WIDE_REQUEST, json.dumps(WIDE | wrong))


DERIVED = [
    {"category": "complaint"},
    {"category": "Complaint"},
    {"sentiment": "negative", "summary": "The customer wants a refund."},
    {"language": "English"},
    {"country": "United Kingdom"},
    {"total": 200.25, "vendor": "Otter Books"},
    {"count": 3},
    {"item_count": 14, "total": 148.5},
    {"total": 198.0},
    {"weight_grams": 1500},
    {"minutes": 90},
    {"priority": 2, "name": "Otter Books"},
    {"confidence": 0.93, "name": "Otter Books"},
    {"phone": "+44 161 496 0345"},
    {"date": "2024-03-14", "name": "Otter Books"},
    {"date": "2024-03-12T00:00:00", "city": "London"},
    {"is_paid": True, "name": "Otter Books"},
    {"due": "2024-04-11", "vendor": "Otter Books"},
]
DERIVED_TEXT = (
    "Bill of 12 March 2024 (payable in 30 days, or on 14 March) from Otter Books, London: 148.50 "
    "for 12 atlases and 2 maps, 49.50 for delivery, 2.25 tip. It took 1.5 hours, weighs 1.5 kg, "
    "and 14 came torn; I want my money back! Call 0161 496 0345."
)


@for_each(DERIVED)
def test_a_value_that_may_be_derived_does_not_fail(answer: dict[str, object]) -> None:
    fields = {
        name: {"type": "boolean"}
        if isinstance(value, bool)
        else TEXT_FIELD
        if isinstance(value, str)
        else NUMBER_FIELD
        for name, value in answer.items()
    }
    assert passes(ask(DERIVED_TEXT, **fields), json.dumps(answer))


VARIANTS: list[tuple[str, dict[str, object]]] = [
    ("je-052", {"name": "Dr. Amina Yusuf"}),
    ("je-052", {"name": "dr. amina yusuf"}),
    ("je-047", {"guest": "Ms. Grace Adeyemi"}),
    ("je-047", {"hotel": "the Cliffside Lodge"}),
    ("je-003", {"title": "The Harbour Jazz Night"}),
    ("je-003", {"location": "the Old Customs Hall"}),
    ("je-003", {"location": "Old Customs Hall."}),
    ("je-005", {"ingredients": ["red lentils", "onions", "carrot", "cumin", "vegetable stock"]}),
    ("je-005", {"ingredients": ["red lentils", "an onion", "carrots", "cumin", "vegetable stock"]}),
    ("je-010", {"items": [{"product": "espresso machine", "quantity": 1},
                          {"product": "milk jugs", "quantity": 2},
                          {"product": "cups", "quantity": 6}]}),
    ("je-014", {"phone": "01614960345"}),
    ("je-014", {"phone": "(0161) 496-0345"}),
    ("je-004", {"name": "The Aurora desk lamp"}),
    ("je-004", {"name": "Aurora desk lamps"}),
    ("je-004", {"colors": ["black", "white"]}),
    ("je-011", {"title": "'The Salt Road'".strip("'") + "."}),
    ("je-001", {"total": 1155.50}),
    ("je-009", {"hotel": "hotel Miramar"}),
    ("je-013", {"vendor": "BLUEWAVE HOSTING"}),
    ("je-007", {"gate": "gate A62"}),
    ("je-045", {"gate": "7"}),
]  # fmt: skip
WRONG: list[tuple[str, dict[str, object]]] = [
    ("je-052", {"name": "Amina Yusufs"}),
    ("je-052", {"name": "Dr. Anna Yusuf"}),
    ("je-052", {"name": "Amina"}),
    ("je-052", {"name": "Prof. Amina Yusuf"}),
    ("je-052", {"company": "Marine Biology"}),
    ("je-052", {"email": "a-yusuf@marine.example"}),
    ("je-052", {"company": "Institute of Marine Biology+"}),
    ("je-002", {"name": "Tom Beckers"}),
    ("je-002", {"phone": "0161 496 0345"}),
    ("je-047", {"guest": "Grace"}),
    ("je-047", {"guests": 3}),
    ("je-003", {"title": "Old Customs Hall"}),
    ("je-003", {"date": "2025-12-07"}),
    ("je-003", {"start_time": "07:30"}),
    ("je-005", {"ingredients": ["lentils", "onion", "carrots", "cumin", "vegetable stock"]}),
    ("je-005", {"ingredients": ["red lentils", "onion", "carrots", "cumin"]}),
    ("je-005", {"servings": 5}),
    ("je-010", {"order_id": "550-782"}),
    ("je-010", {"items": [{"product": "espresso machine", "quantity": 2},
                          {"product": "milk jug", "quantity": 1},
                          {"product": "cup", "quantity": 6}]}),
    ("je-014", {"phone": "0161 496 0346"}),
    ("je-014", {"name": "Greenleaf Clinic"}),
    ("je-004", {"colors": ["white", "white"]}),
    ("je-004", {"in_stock": True}),
    ("je-004", {"name": "Aurora"}),
    ("je-011", {"year": 2017}),
    ("je-011", {"author": "Ingrid Halvorsens"}),
    ("je-001", {"total": 1120}),
    ("je-001", {"currency": "USD"}),
    ("je-009", {"check_in": "2025-09-07", "check_out": "2025-09-03"}),
    ("je-007", {"origin": "Frankfurt", "destination": "Zurich"}),
    ("je-007", {"flight_number": "LX1079"}),
    ("je-013", {"invoice_number": "R-77191"}),
    ("je-012", {"home_goals": 2, "away_goals": 0}),
]  # fmt: skip


def changed(row: tuple[str, dict[str, object]]) -> bool:
    golden_id, changes = row
    request = REQUESTS[golden_id]
    return passes(request, json.dumps(GOLDEN.expected[request] | changes), golden_id)


@for_each(VARIANTS)
def test_a_variant_of_the_right_value_passes(row: tuple[str, dict[str, object]]) -> None:
    assert changed(row)


@for_each(WRONG)
def test_a_value_that_is_not_the_right_one_fails(row: tuple[str, dict[str, object]]) -> None:
    assert not changed(row)
