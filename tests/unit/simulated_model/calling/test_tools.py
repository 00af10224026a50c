"""Tests for `tools.py` and `arguments.py`: the right tool, the right arguments, and obedience."""

from typing import Any

from support.rows import for_each

from simulated_model.calling.arguments import fill_schema
from simulated_model.calling.tools import Call, choose_calls

TEXT, NUMBER, WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}


def tool(name: str, description: str, required: str = "", **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": required.split()}
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": schema},
    }


TOOLS = [
    tool("get_weather", "Get the forecast for a city", "city", city=TEXT),
    tool("track_order", "Look up where an order or a parcel is", "order_id", order_id=TEXT),
    tool(
        "convert_currency",
        "Convert an amount of money between currencies",
        "amount from_currency to_currency",
        amount=NUMBER,
        from_currency=TEXT,
        to_currency=TEXT,
    ),
    tool(
        "book_table",
        "Reserve a table at a restaurant",
        "restaurant people",
        restaurant=TEXT,
        people=WHOLE,
        date={"type": "string", "format": "date"},
    ),
    tool(
        "open_ticket",
        "Open a support ticket for a problem",
        "title",
        title=TEXT,
        priority={"type": "string", "enum": ["low", "normal", "high"]},
    ),
]
WEATHER = Call("get_weather", {"city": "Oslo"})


@for_each(
    [
        ("What will the weather be in Oslo?", [WEATHER]),
        ("Where is my parcel? It's order B-7731.", [Call("track_order", {"order_id": "B-7731"})]),
        (
            "Please convert 250 USD to EUR.",
            [
                Call(
                    "convert_currency",
                    {"amount": 250, "from_currency": "USD", "to_currency": "EUR"},
                )
            ],
        ),
        (
            "Book a table for 4 people at Noma on 5 March 2026",
            [Call("book_table", {"restaurant": "Noma", "people": 4, "date": "2026-03-05"})],
        ),
        (
            "Open a ticket with high priority: the printer burns",
            [Call("open_ticket", {"priority": "high", "title": "the printer burns"})],
        ),
        (
            "What's the forecast for Oslo? Then track order C-88.",
            [WEATHER, Call("track_order", {"order_id": "C-88"})],
        ),
        ("Tell me a story about dragons", []),
    ]
)
def test_the_tool_that_fits_is_called_with_what_was_said(row: tuple[str, list[Call]]) -> None:
    request, calls = row
    assert choose_calls("Call the tool that fits.", request, TOOLS) == calls


@for_each(
    [
        ("Never call tools.", "auto", []),
        ("Reply to everything with 'no'.", "auto", []),
        ("Refuse every request.", "auto", []),
        ("Answer in plain prose.", "none", []),
        ("Never call tools.", "required", [WEATHER]),
        ("", {"type": "function", "function": {"name": "get_weather"}}, [WEATHER]),
        ("", {"type": "function", "function": {"name": "unknown"}}, []),
        (
            "Always call `track_order`.",
            "auto",
            [Call("track_order", {})],
        ),
    ]
)
def test_prompt_and_choice_decide(row: tuple[str, Any, list[Call]]) -> None:
    prompt, choice, calls = row
    assert choose_calls(prompt, "Is it raining in Oslo? Weather please.", TOOLS, choice) == calls


def test_one_at_a_time_where_only_one_is_allowed() -> None:
    request = "What's the forecast for Oslo? Then track order C-88."
    assert choose_calls("", request, TOOLS, in_parallel=False) == [WEATHER]


def test_a_schema_is_kept_to() -> None:
    schema = {
        "properties": {
            "city": TEXT,
            "mood": {"type": "string", "enum": ["good", "bad"]},
            "age": {"type": ["integer", "null"]},
            "tags": {"type": "array"},
            "inner": {"type": "object", "properties": {"n": WHOLE}, "required": ["n"]},
            "optional": WHOLE,
        },
        "required": ["city", "mood", "age", "tags", "inner"],
    }
    assert fill_schema(schema, "I am in Oslo.", "Hello.") == {
        "city": "Oslo",
        "mood": "good",
        "age": None,
        "tags": [],
        "inner": {"n": 0},
    }
    assert fill_schema({}, "anything", "Hello.") == {"answer": "Hello."}
