"""What providers send in place of a model's answer, by name."""

from typing import Any

from support.provider.wire import HELLO, Shape, completion, sent, stream

FILTERED, CUT, EMPTY = "model_content_filtered", "model_answer_cut", "model_empty_answer"
CODE = "Here:\n```python\ndef f():\n    return 1"


def _message(content: Any = None, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


def _shapes(comes_to: str, contents: dict[str, Any]) -> dict[str, Shape]:
    return {name: Shape((sent(content),), comes_to) for name, content in contents.items()}


def _kept(contents: dict[str, str]) -> dict[str, Shape]:
    return {
        name: Shape((sent(completion(content, "length")),), content)
        for name, content in contents.items()
    }


def _choice_error(**error: Any) -> dict[str, Any]:
    return {"choices": [{"error": error, "message": _message(""), "finish_reason": "error"}]}


OUTCOMES: dict[str, Shape] = {
    **_shapes(
        FILTERED,
        {
            "a filter's stop": completion(_message(""), "content_filter"),
            "a filter's stop with null content": completion(_message(), "content_filter"),
            "a filter's stop in the middle": completion("Hel", "content_filter"),
            "a filter's stop in capitals": completion("Hel", "CONTENT_FILTER"),
            "a filter's stop of Gemini's": completion(_message(), "SAFETY"),
            "a filter's stop for recitation": completion("Hel", "RECITATION"),
            "a filter's stop of Bedrock's": completion("Hel", "guardrail_intervened"),
            "a filter's stop with a hyphen": completion("Hel", "content-filter"),
            "a refusal": completion(_message(refusal="I can't.")),
            "a refusal beside an empty text": completion(_message("", refusal="I can't.")),
            "a refusal in parts": completion(
                _message([{"type": "refusal", "refusal": "I can't."}])
            ),
            "a refusal in a stream": stream({"refusal": "I "}, {"refusal": "can't."}),
        },
    ),
    **_shapes(
        CUT,
        {
            "cut in a fence": completion(CODE, "length"),
            "cut in a fence, in Anthropic's words": completion(CODE, "max_tokens"),
            "cut in a fence, in Gemini's words": completion(CODE, "MAX_TOKENS"),
            "cut in a tilde fence": completion(CODE.replace("```", "~~~"), "length"),
            "cut in a list's fence": completion("- Here:\n  ```python\n  x = 1\n  y", "length"),
            "cut in a quote's fence": completion("> ```\n> x = 1\n> y", "length"),
            "cut in a second fence": completion(f"{CODE}\n```\nUse:\n```\nf(", "length"),
            "cut after the opening fence": completion("Here:\n```python", "length"),
            "cut in JSON": completion('{"name": "Ann", "age', "length"),
            "cut in an array": completion('[{"name": "Ann"}, {"na', "length"),
            "cut in JSON after a preface": completion('Sure: {"name": "Ann', "length"),
            "cut at a brace": completion("{", "length"),
            "cut in a thought": completion("<think>Let me see", "length"),
            "cut after a thought": completion("<think>Let me see</think>", "length"),
            "cut before the answer": completion(_message("", reasoning_content="Hm"), "length"),
            "cut before anything": completion(_message(), "length"),
        },
    ),
    **_kept(
        {
            "cut after a whole block": f"{CODE}\n```\nThis function returns",
            "cut at the end of a block": f"{CODE}\n```",
            "cut after whole JSON": '{"name": "Ann"}\n\nThe name is',
            "cut after a whole array": "[1, 2, 3]\nThese are",
            "cut in prose": "Once upon a time there was a",
            "cut in prose with a brace": "A set is written {1, 2} and a",
            "cut in prose after a thought": "<think>Hm</think>Once upon a",
        }
    ),
    **_shapes(
        EMPTY,
        {
            "empty without a reason": completion("", None),
            "blank without a reason": completion("\n", None),
            "null content": completion(_message()),
            "no content": completion({"role": "assistant"}),
            "content that is a number": completion(_message(5)),
            "an empty list of parts": completion(_message([])),
            "reasoning alone": completion(_message(reasoning_content="Hm")),
            "reasoning beside an empty text": completion(_message("", reasoning="Hm")),
            "a thinking part alone": completion(
                _message([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}])
            ),
            "a tool call alone": completion(
                _message(tool_calls=[{"id": "1", "type": "function", "function": {"name": "f"}}]),
                "tool_calls",
            ),
            "an old function call alone": completion(
                _message(function_call={"name": "f", "arguments": "{}"}), "function_call"
            ),
            "a stream of nothing": 'data: {"choices": [{"delta": {}}]}\n\ndata: [DONE]\n\n',
        },
    ),
    "an error in a choice": Shape(
        (sent(_choice_error(code=502, message="Upstream")), sent(completion(HELLO))), calls=2
    ),
    "a lasting error in a choice": Shape(
        (sent(_choice_error(code=503, message="Upstream")),), "model_unavailable", calls=3
    ),
    "a finish reason of error": Shape(
        (sent(completion("Hel", "error")),), "model_unavailable", calls=3
    ),
    "a finish reason of DeepSeek's": Shape(
        (sent(completion("Hel", "insufficient_system_resource")),), "model_unavailable", calls=3
    ),
    "a rate limit in a choice": Shape(
        (sent(_choice_error(code="rate_limit_exceeded")),), "model_rate_limited", calls=3
    ),
}
