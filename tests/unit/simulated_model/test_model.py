"""The chat model: pure, named, counted, and never failing."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

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
