"""The chat model: pure, named, counted, and never failing."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from simulated_model.composition.answering import answer
from simulated_model.model import SimulatedChatModel

WORDS = st.sampled_from(
    [
        *"""just say always never answer reply with
        only code in JavaScript Python rust " ' ` ``` { }
        do not write refuse if the user asks Input: Output: Q: A: . , ; : - * 5 lines words at most
        json <b> docstring type hints eval return print 코드 마세요 hello world all no""".split(),
        "\n",
        "\n\n",
    ]
)
PROMPTS = st.one_of(st.text(max_size=400), st.lists(WORDS, max_size=80).map(" ".join))


def ask(prompt: str, request: str) -> AIMessage:
    message = SimulatedChatModel().invoke([SystemMessage(prompt), HumanMessage(request)])
    assert isinstance(message, AIMessage)
    return message


@given(prompt=PROMPTS, request=PROMPTS)
def test_any_messages_get_the_same_text_again(prompt: str, request: str) -> None:
    message = ask(prompt, request)
    assert isinstance(message.content, str)
    assert message.content == answer.__wrapped__(prompt, request)  # computed anew


async def test_both_ways_of_calling_agree() -> None:
    messages: list[BaseMessage] = [SystemMessage("Code only."), HumanMessage("Sort a list")]
    model = SimulatedChatModel()
    assert (await model.ainvoke(messages)).content == model.invoke(messages).content


async def test_calls_at_once_do_not_disturb_each_other() -> None:
    model = SimulatedChatModel()
    prompts = ["just say moo to everything", "just say baa to everything"] * 5
    calls = (model.ainvoke([SystemMessage(p), HumanMessage("x")]) for p in prompts)
    assert [message.content for message in await asyncio.gather(*calls)] == ["Moo", "Baa"] * 5


def test_it_names_itself_and_counts_tokens() -> None:
    message = ask("just say hello world to everything", "x" * 9)
    assert message.response_metadata["model_name"] == "simulated"
    assert message.usage_metadata == {
        "input_tokens": 9 + 3,
        "output_tokens": 3,
        "total_tokens": 15,
    }


def test_all_system_messages_count_and_the_last_request() -> None:
    messages = [
        SystemMessage("Code only."),
        HumanMessage("Write a bubble sort"),
        AIMessage("```python\n...\n```"),
        SystemMessage("Write docstrings."),
        HumanMessage("Write a binary search function"),
    ]
    text = str(SimulatedChatModel().invoke(messages).content)
    assert text.startswith("```python\ndef binary_search")
    assert '"""' in text


@pytest.mark.parametrize("messages", [[SystemMessage("Code only.")], [HumanMessage("")]])
def test_a_conversation_without_a_request_is_answered(messages: list[BaseMessage]) -> None:
    assert SimulatedChatModel().invoke(messages).content


def test_it_stops_where_it_is_told_to() -> None:
    message = SimulatedChatModel().invoke([HumanMessage("Sort a list")], stop=["```"])
    assert "```" not in str(message.content)


@pytest.mark.parametrize(
    "unit", ["a", " ", "\n", "```", "\"'`", "Q: A: ", "input: a\noutput: b\n", "never ", "say to "]
)
def test_a_hundred_kilobytes_are_read(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    assert isinstance(ask(text, text).content, str)


TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the forecast for a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
ASKED = "What will the weather be in Oslo?"


async def test_a_stream_adds_up_to_the_whole_answer() -> None:
    for model in (SimulatedChatModel(), SimulatedChatModel().bind_tools([TOOL])):
        for question in (ASKED, "Write a function that reverses a string"):
            whole = await model.ainvoke(question)
            pieces = [piece async for piece in model.astream(question)]
            joined = pieces[0]
            for piece in pieces[1:]:
                joined = joined + piece
            assert len(pieces) > 3
            assert joined.content == whole.content
            assert joined.tool_calls == whole.tool_calls
            assert joined.usage_metadata == whole.usage_metadata
            assert joined.response_metadata["finish_reason"] == (
                "tool_calls" if whole.tool_calls else "stop"
            )


async def test_a_tool_that_answered_is_told_of_and_not_called_again() -> None:
    model = SimulatedChatModel().bind_tools([TOOL])
    called = await model.ainvoke(ASKED)
    assert [(call["name"], call["args"]) for call in called.tool_calls] == [
        ("get_weather", {"city": "Oslo"})
    ]
    told = ToolMessage("Rain, 4 degrees", tool_call_id=called.tool_calls[0]["id"])
    answered = await model.ainvoke([HumanMessage(ASKED), called, told])
    assert not answered.tool_calls
    assert "Rain, 4 degrees" in str(answered.content)


async def test_a_response_format_is_kept_to() -> None:
    schema = {"properties": {"city": {"type": "string"}}, "required": ["city"]}
    form = {"type": "json_schema", "json_schema": {"name": "place", "schema": schema}}
    answer = await SimulatedChatModel().ainvoke(ASKED, response_format=form)
    assert json.loads(str(answer.content)) == {"city": "Oslo"}
    plain = await SimulatedChatModel().ainvoke(ASKED, response_format={"type": "json_object"})
    assert isinstance(json.loads(str(plain.content)), dict)
