"""Answers in the shapes that endpoints give them, by name."""

import json
from typing import Any

from support.provider.wire import HELLO, Shape, completion, sent, stream


def _message(content: Any = HELLO, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def _shape(content: Any, comes_to: str = HELLO) -> Shape:
    return Shape((sent(content),), comes_to)


_PLAIN = completion(HELLO)
_TEXT = json.dumps(_PLAIN)
_TOOL_CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
_USAGES: dict[str, Any] = {
    "null usage": None,
    "null token counts": {"prompt_tokens": None, "completion_tokens": None},
    "float token counts": {"prompt_tokens": 11.0, "completion_tokens": 5.5},
    "token counts as texts": {"prompt_tokens": "11", "completion_tokens": "5"},
    "negative token counts": {"prompt_tokens": -1, "completion_tokens": -1},
    "huge token counts": {"prompt_tokens": 1e300, "completion_tokens": 10**30},
    "usage that is a list": [11, 5],
}
_READABLE: dict[str, Any] = {
    "plain": _PLAIN,
    "no model": {"choices": _PLAIN["choices"]},
    "null model": {**_PLAIN, "model": None},
    "model that is a number": {**_PLAIN, "model": 5},
    "null finish reason": completion(HELLO, None),
    "finish reason that is a number": completion(HELLO, 1),
    "finish reason of another vendor": completion(HELLO, "end_turn"),
    "null error": {**_PLAIN, "error": None},
    "empty error": {**_PLAIN, "error": {}},
    **{name: completion(HELLO, usage=usage) for name, usage in _USAGES.items()},
    "content as parts": completion(
        _message([{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}])
    ),
    "content as one part": completion(_message({"type": "text", "text": HELLO})),
    "content as a list of texts": completion(_message(["Hel", "lo"])),
    "content as output_text": completion(_message([{"type": "output_text", "text": HELLO}])),
    "content with a thinking part": completion(
        _message(
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
                {"type": "text", "text": HELLO},
            ]
        )
    ),
    "content with a reasoning part": completion(
        _message([{"type": "reasoning", "text": "Hm"}, {"type": "text", "text": HELLO}])
    ),
    "reasoning_content beside": completion(_message(reasoning_content="Hm")),
    "reasoning beside": completion(_message(reasoning="Hm", reasoning_details=[{"text": "Hm"}])),
    "null refusal": completion(_message(refusal=None, tool_calls=None, function_call=None)),
    "empty tool calls": completion(_message(tool_calls=[])),
    "text beside a tool call": completion(_message(tool_calls=[_TOOL_CALL]), "tool_calls"),
    "fields unheard of": completion(_message(annotations=[], audio=None), service_tier="x"),
    "no role": completion({"content": HELLO}),
    "a plain completion": {"choices": [{"text": HELLO, "finish_reason": "stop"}]},
    "several choices": {
        "choices": [
            {"index": 0, "message": _message(), "finish_reason": "stop"},
            {"index": 1, "message": _message("Other"), "finish_reason": "stop"},
        ]
    },
    "JSON, then [DONE]": f"{_TEXT}\n\ndata: [DONE]\n\n",
    "JSON, then [DONE] at once": f"{_TEXT}[DONE]",
    "a BOM": b"\xef\xbb\xbf" + _TEXT.encode(),
    "blanks around": f"\n\n  {_TEXT}\r\n\r\n",
    "comments before": f": PROCESSING\n\n: PROCESSING\n\n{_TEXT}",
    "comments before pretty JSON": f": PROCESSING\n\n{json.dumps(_PLAIN, indent=2)}",
    "one event": f"data: {_TEXT}\n\n",
    "one event without a blank": f"data:{_TEXT}\n\ndata:[DONE]\n\n",
    "a stream": stream({"role": "assistant", "content": ""}, "Hel", "lo"),
    "a stream with CRLF": stream("Hel", "lo", line="\r\n"),
    "a stream with CR": stream("Hel", "lo", line="\r"),
    "a stream without [DONE]": stream("Hel", "lo", done=False),
    "a stream with comments and names": ": ping\n\nevent: message\nid: 1\n" + stream("Hel", "lo"),
    "a stream with reasoning": stream({"reasoning_content": "Hm", "content": None}, "Hel", "lo"),
    "a stream with null content": stream({"content": None}, HELLO),
    "a stream, then its usage": stream(HELLO).replace(
        "data: [DONE]", 'data: {"choices": [], "usage": {"prompt_tokens": 1}}\n\ndata: [DONE]'
    ),
    "a stream of a BOM": "\ufeff" + stream(HELLO),
    "chunks, a line each": stream("Hel", "lo").replace("data: ", ""),
}

ANSWERS: dict[str, Shape] = {
    **{name: _shape(content) for name, content in _READABLE.items()},
    "a line separator in a stream": _shape(
        'data: {"choices": [{"delta": {"content": "a\u2028b"}, "finish_reason": "stop"}]}\n\n',
        "a\u2028b",
    ),
    "an answer about [DONE]": _shape(completion("data: [DONE]"), "data: [DONE]"),
    "an empty answer of the model's own": _shape(completion(""), ""),
    "a blank answer of the model's own": _shape(completion(" \n"), " \n"),
    "created": Shape((sent(_PLAIN, 201),)),
}
