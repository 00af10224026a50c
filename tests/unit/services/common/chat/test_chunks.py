from typing import Any

import pytest
from support.rows import for_each

from services.common.chat.chunks import choices_of, join_chunks, to_chunks

CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"a": 1}'}}
COMPLETION: dict[str, Any] = {
    "id": "1",
    "object": "chat.completion",
    "created": 5,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": None, "tool_calls": [CALL, CALL]},
            "logprobs": {"content": [{"token": "a", "logprob": -1.5}], "refusal": None},
            "finish_reason": "tool_calls",
        },
        {
            "index": 1,
            "message": {"role": "assistant", "content": "B", "reasoning_content": "Hm"},
            "finish_reason": "stop",
        },
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}


def chunk(index: int = 0, reason: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"id": "1", "choices": [{"index": index, "delta": delta, "finish_reason": reason}]}


def test_a_completion_comes_back_from_its_chunks() -> None:
    assert join_chunks(to_chunks(COMPLETION)) == COMPLETION


def test_chunks_stay_as_they_are() -> None:
    chunks = to_chunks(COMPLETION)
    assert [to_chunks(each) for each in chunks] == [[each] for each in chunks]


def test_joining_leaves_the_chunks_alone() -> None:
    chunks = [
        chunk(role="assistant", tool_calls=[{"index": 0, **CALL}]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": "!"}}]),
    ]
    first = join_chunks(chunks)

    assert first == join_chunks(chunks)
    assert first["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"a": 1}!'
    assert "index" not in first["choices"][0]["message"]["tool_calls"][0]


def test_what_is_said_again_doesnt_grow() -> None:
    chunks = [chunk(role="assistant", content="a"), chunk(role="assistant", content="b")]
    chunks.append(chunk(reason="stop", role="", content=""))
    answer = join_chunks([{**each, "model": "m"} for each in chunks])

    assert answer["id"] == "1"
    assert answer["model"] == "m"
    assert answer["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "ab"}, "finish_reason": "stop"}
    ]


def test_logprobs_are_joined() -> None:
    chunks = [chunk(content=text) for text in "ab"]
    for each, text in zip(chunks, "ab", strict=True):
        each["choices"][0]["logprobs"] = {"content": [{"token": text}]}

    choice = join_chunks(chunks)["choices"][0]
    assert choice["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}]}


def test_choices_are_in_their_order_and_a_stream_that_broke_off_has_no_reason() -> None:
    answer = join_chunks([chunk(10, content="k"), chunk(2, content="c")])

    assert [choice["index"] for choice in answer["choices"]] == [2, 10]
    assert [choice["finish_reason"] for choice in answer["choices"]] == [None, None]


@pytest.mark.parametrize("choices", [None, 5, {}, "x", [1, None, "x"]])
def test_what_is_no_choice_is_none(choices: Any) -> None:
    assert choices_of({"choices": choices}) == []
    assert choices_of({}) == []


def test_a_long_stream_is_joined_in_the_time_that_it_takes_to_read() -> None:
    pieces = 200_000
    piece = {"index": 0, "delta": {"content": "word "}, "logprobs": {"content": [{"token": "a"}]}}
    choice = join_chunks({"choices": [piece]} for _ in range(pieces))["choices"][0]
    assert choice["message"]["content"] == "word " * pieces
    assert len(choice["logprobs"]["content"]) == pieces


@for_each([[1], {}, "0", None, 1.5])
def test_a_choice_that_is_numbered_by_nothing_is_the_first(index: object) -> None:
    chunk = {"choices": [{"index": index, "delta": {"content": "x"}}]}
    [choice] = join_chunks([chunk, chunk])["choices"]
    assert (choice["index"], choice["message"]["content"]) == (0, "xx")
