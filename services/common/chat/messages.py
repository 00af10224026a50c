"""Reads texts from the messages of a conversation. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Message = Mapping[str, Any]
# Where a conversation that isn't kept whole says so, among its parameters.
NOT_WHOLE = "selfheal"
# Parameters that say how an answer travels and who asks; a replay is without them.
NOT_REPLAYED = frozenset({"stream", "stream_options", "n", "user", "metadata", "store", NOT_WHOLE})

TEXT_PARTS = ("text", "input_text", "output_text", "refusal")
# Who speaks for the operator, and not for the user.
SYSTEM_ROLES = ("system", "developer")


@dataclass(frozen=True, slots=True)
class ChatInput:
    """What a client asks at the door, without the prompt that leads it.

    Attributes:
        tools: The tools that it offers; none where it offers none.
        parameters: Every other field of its body but for `model`.
        variables: What `{{name}}` in the prompt stands for.
    """

    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Everything that users, assistants and tools wrote, a line each.

        An application's own system message is the same in all its conversations, and tells none
        from another.
        """
        return "\n".join(
            read_all_texts(one for one in self.messages if one.get("role") not in SYSTEM_ROLES)
        )

    def as_request(self, task_type: str) -> dict[str, Any]:
        """Write the body of the same question, to be answered once and whole."""
        kept = {name: self.parameters[name] for name in self.parameters.keys() - NOT_REPLAYED}
        body = {"model": task_type, "messages": list(self.messages), **kept}
        return body | ({"tools": list(self.tools)} if self.tools else {})


def read_text(content: object) -> str:
    """Return a message's content as text: the text itself, or its text parts, a line each."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (
        part.get(part["type"], part.get("text"))
        for part in parts
        if isinstance(part, dict) and part.get("type") in TEXT_PARTS
    )
    return "\n".join(text for text in texts if isinstance(text, str))


def read_last_user_text(messages: Sequence[Message]) -> str:
    """Return the text of the last message that a user wrote; empty where there is none."""
    users = (message for message in reversed(messages) if message.get("role") == "user")
    return next((read_text(message.get("content")) for message in users), "")


def read_answer_text(answer: Message) -> str:
    """Return what an assistant's message says: its text, its refusal, or its tool calls as JSON."""
    if text := read_text(answer.get("content")):
        return text
    if isinstance(refusal := answer.get("refusal"), str) and refusal:
        return refusal
    calls = answer.get("tool_calls")
    return json.dumps(calls, ensure_ascii=False) if calls else ""


def read_all_texts(messages: Iterable[Message]) -> list[str]:
    """List every text of the messages, calls' arguments included."""
    texts: list[str] = []
    for message in messages:
        texts.append(read_text(message.get("content")))
        for call in message.get("tool_calls") or ():
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                texts.append(str(function.get("arguments", "")))
    return [text for text in texts if text]
