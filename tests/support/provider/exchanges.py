"""Answers and failures as the door passes them on, whole and streamed, by name."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from support.provider.wire import HELLO, Sent, completion, sent, stream

UNAVAILABLE, INVALID = "model_unavailable", "model_invalid_answer"
KEY = "sk-" + "proj-1234567890abcdef"
TOKEN = "ghp_" + "a1b2c3d4" * 5
TEXT = "안녕 👋"


@dataclass(frozen=True)
class Exchange:
    """What a provider sends, and what it comes to.

    Attributes:
        replies: As of a `Shape`.
        whole: Of each choice the message and the finish reason; or the code of the error.
        streamed: The same of a stream, where it differs.
        calls: How many requests a stream takes.
        told: What a client is told of its request: the field and the sentence.
    """

    replies: tuple[Sent | Callable[[dict[str, Any]], Sent], ...]
    whole: Any
    streamed: Any = None
    calls: int = 1
    usage: Any = None
    told: tuple[str | None, str] | None = None


def _said(content: Any = HELLO, reason: Any = "stop", **more: Any) -> list[Any]:
    return [({"role": "assistant", "content": content, **more}, reason)]


def _same(content: Any, reason: Any = "stop", **more: Any) -> Exchange:
    message = {"role": "assistant", "content": content, **more}
    return Exchange((sent(completion(message, reason)),), [(message, reason)])


def _chunk(reason: str | None = None, index: int = 0, **delta: Any) -> str:
    choice = {"index": index, "delta": delta, "finish_reason": reason}
    return f"data: {json.dumps({'choices': [choice]}, ensure_ascii=False)}\n\n"


def _streamed(text: str, streamed: Any, **more: Any) -> Exchange:
    return Exchange((sent(text),), more.pop("whole", streamed), streamed, **more)


def _refused(content: Any, told: str, param: str | None = None, status: int = 400) -> Exchange:
    return Exchange((sent(content, status),), "model_rejected", told=(param, told))


def _rejected(content: Any, status: int) -> Exchange:
    return Exchange((sent(content, status),), "model_rejected")


def _pieces(data: bytes, *places: int) -> tuple[bytes, ...]:
    edges = [0, *places, len(data)]
    return tuple(data[start:end] for start, end in pairwise(edges))


_DONE = "data: [DONE]\n\n"
_USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}
_CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"a": 1}'}}
_OTHER = {"id": "c2", "type": "function", "function": {"name": "now", "arguments": "{}"}}
_BEGUN = _chunk(role="assistant", content="Hel")
_IN_UTF8 = (_chunk(content=TEXT) + _chunk("stop") + _DONE).encode()
_PLACE = _IN_UTF8.index("녕".encode()) + 1
_GZIPPED = gzip.compress((_BEGUN + _chunk("stop", content="lo") + _DONE).encode())

EXCHANGES: dict[str, Exchange] = {
    "door: null content": _same(None),
    "door: a refusal": _same(None, refusal="I can't."),
    "door: reasoning_content": _same(HELLO, reasoning_content="Hm"),
    "door: a filter's stop": _same(None, "content_filter"),
    "door: length": _same("Hel", "length"),
    "door: tool calls": _same(None, "tool_calls", tool_calls=[_CALL, _OTHER]),
    "door: content in parts": _same([{"type": "text", "text": HELLO}]),
    "door: fields unheard of": _same(HELLO, annotations=[{"x": 1}], audio={"id": "a"}),
    "door: empty choices": Exchange((sent({"choices": [], "usage": _USAGE}),), INVALID),
    "door: no choices in a stream": _streamed(_DONE, INVALID),
    "door: an empty body": Exchange((sent(""),), INVALID),
    "door: usage": Exchange((sent(completion(HELLO, usage=_USAGE)),), _said(), usage=_USAGE),
    "door: several choices": Exchange(
        (
            sent(
                {
                    "choices": [
                        {
                            "index": 0,
                            "message": {"role": "assistant", "content": "A"},
                            "finish_reason": "stop",
                        },
                        {
                            "index": 1,
                            "message": {"role": "assistant", "content": "B"},
                            "finish_reason": "length",
                        },
                    ]
                }
            ),
        ),
        [*_said("A"), *_said("B", "length")],
    ),
    "door: several choices in a stream": _streamed(
        _chunk(role="assistant", content="A")
        + _chunk(index=1, role="assistant", content="B")
        + _chunk(index=1, content="b")
        + _chunk("stop", content="a")
        + _chunk("length", 1)
        + _DONE,
        [*_said("Aa"), *_said("Bb", "length")],
    ),
    "door: tool calls in pieces": _streamed(
        _chunk(role="assistant", content=None)
        + _chunk(
            tool_calls=[
                {
                    "index": 0,
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "find", "arguments": ""},
                }
            ]
        )
        + _chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a"'}}])
        + _chunk(tool_calls=[{"index": 0, "function": {"arguments": ": 1}"}}])
        + _chunk(tool_calls=[{"index": 1, **_OTHER}])
        + _chunk("tool_calls")
        + _DONE,
        _said(None, "tool_calls", tool_calls=[_CALL, _OTHER]),
    ),
    "door: reasoning and a refusal in pieces": _streamed(
        _chunk(role="assistant", reasoning_content="H")
        + _chunk(reasoning_content="m")
        + _chunk(refusal="I can")
        + _chunk("stop", refusal="'t.")
        + _DONE,
        _said(None, reasoning_content="Hm", refusal="I can't."),
    ),
    "door: a stream, then its usage": _streamed(
        _BEGUN
        + _chunk("stop", content="lo")
        + f"data: {json.dumps({'choices': [], 'usage': _USAGE})}\n\n"
        + _DONE,
        _said(),
        usage=_USAGE,
    ),
    "door: usage in an event without choices": _streamed(
        _BEGUN
        + _chunk("stop", content="lo")
        + f"data: {json.dumps({'usage': _USAGE})}\n\n"
        + _DONE,
        _said(),
        usage=_USAGE,
    ),
    "door: events of another kind": _streamed(
        'event: ping\ndata: {"type": "ping"}\n\n' + _BEGUN + _chunk("stop", content="lo") + _DONE,
        _said(),
    ),
    "door: no [DONE]": _streamed(_BEGUN + _chunk("stop", content="lo"), _said()),
    "door: no [DONE] and no last line end": _streamed(
        _BEGUN + _chunk("stop", content="lo").rstrip(), _said()
    ),
    "door: CRLF": _streamed(stream("Hel", "lo", line="\r\n"), _said()),
    "door: CR": _streamed(stream("Hel", "lo", line="\r"), _said()),
    "door: a BOM": _streamed("\ufeff" + stream("Hel", "lo"), _said()),
    "door: comments": _streamed(": wait\n\n: wait\n\n" + stream("Hel", "lo"), _said()),
    "door: no blank lines": _streamed(stream("Hel", "lo").replace("\n\n", "\n"), _said()),
    "door: an event over several lines": _streamed(
        'data: {"choices":\ndata: [{"index": 0, "delta": {"content": "Hello"},\n'
        'data: "finish_reason": "stop"}]}\n\n' + _DONE,
        _said(),
    ),
    "door: words after [DONE]": _streamed(stream("Hel", "lo") + "data: nonsense\n\n", _said()),
    "door: a whole answer as an event": _streamed(
        f"data: {json.dumps(completion(HELLO))}\n\n", _said()
    ),
    "door: chunks, a line each": _streamed(stream("Hel", "lo").replace("data: ", ""), _said()),
    "door: pretty JSON": _streamed(json.dumps(completion(HELLO), indent=2), _said()),
    "door: a chunk cut in the middle, then on": Exchange(
        (Sent(pieces=_pieces(_IN_UTF8, 5, 20, 33)),), _said(TEXT)
    ),
    "door: a cut in a UTF-8 character": Exchange(
        (Sent(pieces=_pieces(_IN_UTF8, _PLACE, _PLACE + 1)),), _said(TEXT)
    ),
    "door: gzip": Exchange((sent(_GZIPPED, content_encoding="gzip"),), _said()),
    "door: gzip in pieces": Exchange(
        (Sent(pieces=_pieces(_GZIPPED, 20, 40), headers={"Content-Encoding": "gzip"}),), _said()
    ),
    "door: broken gzip": Exchange(
        (sent(b"\x1f\x8bno", content_encoding="gzip"),), UNAVAILABLE, calls=3
    ),
    "door: death before a stream": Exchange(
        (Sent(status=0), sent(stream(HELLO))), _said(), calls=2
    ),
    "door: lasting death before a stream": Exchange((Sent(status=0),), UNAVAILABLE, calls=3),
    "door: death before the first event": Exchange(
        (Sent(pieces=(b": wait\n\n",), dies=True), sent(stream(HELLO))), _said(), calls=2
    ),
    "door: an error event at once": _streamed(
        _BEGUN + f'data: {{"error": {{"code": 502, "message": "Bad {KEY}"}}}}\n\n',
        UNAVAILABLE,
        calls=3,
    ),
    "door: no JSON at once": _streamed("data: Oops\n\n" + _BEGUN + _DONE, INVALID),
    "door: a page": _streamed("<!DOCTYPE html><p>Hi</p>", INVALID),
    "door: an error after a chunk of nothing": Exchange(
        (sent('data: {"choices": []}\n\ndata: {"error": {"code": 503}}\n\n'), sent(stream(HELLO))),
        _said(),
        calls=2,
    ),
    "door: a key in an error text": Exchange(
        (
            sent(
                {"error": {"message": f"Incorrect API key: {KEY}", "code": "invalid_api_key"}}, 401
            ),
        ),
        "model_rejected",
    ),
    "door: a key for a code": Exchange((sent({"error": {"code": TOKEN}}, 400),), "model_rejected"),
    "door: OpenAI refuses a tool's schema": _refused(
        {
            "error": {
                "message": "Invalid schema for function 'f': 'str' is not valid.",
                "type": "invalid_request_error",
                "param": "tools[0].function.parameters",
                "code": "invalid_function_parameters",
            }
        },
        "Invalid schema for function 'f': 'str' is not valid.",
        "tools[0].function.parameters",
    ),
    "door: FastAPI refuses a field": _refused(
        {"detail": [{"loc": ["body", "tools", 0], "msg": "Field required", "input": {"a": "b"}}]},
        "Field required",
        "tools",
        422,
    ),
    "door: Gemini refuses a field": _refused(
        [
            {
                "error": {
                    "code": 400,
                    "message": "Invalid value.",
                    "status": "INVALID_ARGUMENT",
                    "details": [{"fieldViolations": [{"field": "tools", "description": "No."}]}],
                }
            }
        ],
        "Invalid value.; No.",
        "tools",
    ),
    "door: a refusal in no JSON": _refused("I take no tools", "I take no tools"),
    "door: a refusal inside a 200": _refused(
        {"error": {"code": 400, "message": "No tools."}}, "No tools.", status=200
    ),
    "door: a refusal in a stream": _refused(
        'data: {"error": {"code": 400, "message": "No tools."}}\n\n', "No tools.", status=200
    ),
    "door: too much at once": _refused({"error": {"message": "Too large"}}, "Too large", None, 413),
    "door: a file that isn't there": _refused(
        {"error": {"message": "No such File object: f-1", "param": "id"}},
        "No such File object: f-1",
        "id",
        404,
    ),
    "door: keys and control characters in a refusal": _refused(
        {"error": {"message": f"a\x1b[31m\n{KEY} \u202e sk-own {TOKEN}", "param": KEY}},
        "a [31m *** *** ***",
        "***",
    ),
    "door: a long refusal": _refused({"error": {"message": "No " * 4000}}, ("No " * 200)[:500]),
    "door: a page for a refusal": _rejected("<html>Bad Request</html>", 400),
    "door: a refusal without a word": _rejected({"error": {"code": "x"}}, 400),
    "door: a forbidden country": _rejected({"error": {"message": "Not in your country"}}, 403),
    "door: Gemini's wrong key": _rejected(
        {"error": {"message": "API key not valid", "details": [{"reason": "API_KEY_INVALID"}]}}, 400
    ),
    "door: a model that isn't there": _rejected(
        {"error": {"message": "The model gpt-x does not exist", "code": "model_not_found"}}, 404
    ),
    "door: Anthropic's model that isn't there": _rejected(
        {"error": {"message": "model: gpt-x", "type": "not_found_error"}}, 404
    ),
    "door: a path that isn't there": _rejected({"detail": "Not Found"}, 404),
    "door: an error inside a 200": Exchange(
        (sent({"error": {"code": "insufficient_quota"}}),), "model_quota_spent"
    ),
    "door: overloaded": Exchange((sent("", 529), sent(completion(HELLO))), _said(), calls=2),
    "door: no stream_options": Exchange(
        (
            lambda body: (
                sent({"error": {"param": "stream_options"}}, 400)
                if "stream_options" in body
                else sent(stream(HELLO))
            ),
        ),
        _said(),
        calls=2,
    ),
}
