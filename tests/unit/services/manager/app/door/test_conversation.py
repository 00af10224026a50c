import json
from typing import Any
from uuid import UUID

from support.rows import for_each

from services.common.settings.door import DoorSettings
from services.manager.app.door.conversation import Answer, make_conversation, make_execution
from services.manager.app.door.request import ChatRequest, read_chat_request

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CHOICES = [{"index": 0, "message": {"role": "assistant", "content": "yes"}}]
LONG = "x" * 3_000


def asking(*contents: Any, **more: Any) -> ChatRequest:
    messages = [{"role": "user", "content": content} for content in contents]
    return read_chat_request(json.dumps({"model": "t", "messages": messages, **more}).encode())


def make(request: ChatRequest, answer: Answer, **changes: Any) -> tuple[dict[str, Any], bool]:
    settings = DoorSettings(conversation_max_bytes=2_048, _env_file=None, **changes)
    return make_conversation(request, answer, settings)


@for_each(
    [
        (asking("a"), Answer(choices=CHOICES), None, True),
        (asking(LONG, "a"), Answer(choices=CHOICES), ["messages"], True),
        (asking([IMAGE]), Answer(choices=CHOICES), ["messages"], True),
        (asking("a", LONG), Answer(choices=CHOICES), ["messages"], False),
        (asking("a"), Answer(choices=[{"message": {"content": LONG}}]), ["choices"], False),
        (asking("a"), Answer(choices=CHOICES, is_cut=True), [], False),
        (asking("a", more=LONG), Answer(choices=CHOICES), ["parameters"], True),
    ]
)
def test_a_row_tells_what_it_lacks_and_is_scored_where_question_and_answer_are_whole(
    row: tuple[ChatRequest, Answer, list[str] | None, bool],
) -> None:
    request, answer, changed, can_be_scored = row
    kept, is_whole = make(request, answer)
    told = kept["parameters"].get("selfheal")
    assert told == (None if changed is None else {"changed": changed})
    assert is_whole is can_be_scored


def test_binary_parts_are_kept_where_that_is_wanted() -> None:
    kept, _ = make(asking([IMAGE]), Answer(choices=CHOICES), keep_binary_parts=True)
    assert kept["messages"][0]["content"] == [IMAGE]
    assert "selfheal" not in kept["parameters"]


@for_each([None, [], {"prompt_tokens": "5"}, {"prompt_tokens": True}, {"prompt_tokens": 2**31}])
def test_what_counts_no_tokens_is_none(usage: Any) -> None:
    assert make(asking("a"), Answer(usage=usage))[0]["input_tokens"] is None


def test_no_answer_is_no_text() -> None:
    request_id = UUID(int=0)
    assert make_execution(request_id, asking("a"), Answer()).worker_output is None
    assert make_execution(request_id, asking("a"), Answer(choices=CHOICES)).worker_output == "yes"
