"""Failures in the shapes in which providers tell them, by name."""

import json
from collections.abc import Callable
from typing import Any

from support.provider.wire import HELLO, Sent, Shape, completion, sent

UNAVAILABLE, LIMITED, REJECTED = "model_unavailable", "model_rate_limited", "model_rejected"
SPENT = "model_quota_spent"
FINE = sent(completion(HELLO))


def _refusing(name: str, reply: Sent) -> Callable[[dict[str, Any]], Sent]:
    return lambda body: reply if name in body else FINE


def _refusal(name: str, content: Any, status: int = 400) -> Shape:
    """Refuse a parameter for as long as it is sent."""
    return Shape((_refusing(name, sent(content, status)),), calls=2, unsent=frozenset({name}))


def _openai(name: str, **more: Any) -> dict[str, Any]:
    message = f"Unsupported parameter: '{name}' is not supported with this model."
    error = {"message": message, "type": "invalid_request_error", "param": name}
    return {"error": {**error, "code": "unsupported_parameter", **more}}


def _fastapi(*path: str) -> dict[str, Any]:
    problem = {"loc": ["body", *path], "msg": "Extra inputs are not permitted"}
    echo = {"messages": [{"content": "stop"}], "seed": 7, "temperature": 0}
    return {"detail": [{"type": "extra_forbidden", "input": echo, **problem}]}


def _gemini(field: str) -> dict[str, Any]:
    violation = {"field": field, "description": "Invalid value"}
    details = [
        {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
    ]
    return {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "", "details": details}}


def _in_words(text: str) -> dict[str, Any]:
    return {"error": {"message": text, "param": None, "code": None}}


REFUSALS: dict[str, Shape] = {
    **{
        f"OpenAI refuses {name}": _refusal(name, _openai(name))
        for name in ("temperature", "seed", "stop", "max_tokens")
    },
    "OpenAI refuses a value": _refusal(
        "temperature", _openai("temperature", code="unsupported_value")
    ),
    "OpenAI refuses max_tokens and names another": _refusal(
        "max_tokens",
        _in_words("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
    ),
    "FastAPI refuses a field": _refusal("seed", _fastapi("seed"), 422),
    "FastAPI refuses a nested field": _refusal("stop", _fastapi("stop", "list[str]"), 422),
    "FastAPI refuses with 400": _refusal("temperature", _fastapi("temperature"), 400),
    "FastAPI's detail is a text": _refusal("seed", {"detail": "Unknown field: seed"}, 422),
    "Azure refuses": _refusal(
        "temperature",
        {
            "error": {
                "code": "BadRequest",
                "message": "Unsupported value: temperature does not support 0.0 with this model.",
                "innererror": {},
            }
        },
    ),
    "Azure refuses unrecognized arguments": _refusal(
        "seed",
        _in_words("Unrecognized request argument supplied: seed"),
    ),
    "Gemini refuses a field": _refusal("seed", _gemini("generation_config.seed")),
    "Gemini refuses a field by its own name": _refusal(
        "max_tokens", _gemini("generationConfig.maxOutputTokens")
    ),
    "Gemini refuses stop sequences": _refusal(
        "stop", _gemini("generation_config.stop_sequences[0]")
    ),
    "Gemini wraps it in a list": _refusal("seed", [_gemini("seed")]),
    "Gemini names it in words": _refusal(
        "seed", [{"error": {"code": 400, "message": 'Unknown name "seed": Cannot find field.'}}]
    ),
    "Anthropic refuses": _refusal(
        "seed",
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "seed: Extra inputs"},
        },
    ),
    "Mistral refuses": _refusal(
        "seed",
        {
            "object": "error",
            "message": {"detail": _fastapi("seed")["detail"]},
            "type": "invalid_request_error",
        },
        422,
    ),
    "an error that is a text": _refusal("seed", {"error": "unknown parameter `seed`"}),
    "a refusal in no JSON": _refusal("temperature", "Unsupported parameter: 'temperature'"),
    "a refusal that is a JSON text": _refusal("seed", '"seed is not supported"'),
    "a refusal in HTML": _refusal("seed", "<p>Unknown field <code>seed</code></p>"),
    "a refusal wrapped in a 500": _refusal(
        "temperature",
        {"error": {"message": f"litellm.BadRequestError: {json.dumps(_openai('temperature'))}"}},
        500,
    ),
    "a refusal wrapped in a 500 in words": _refusal("seed", "Error code: 400 - unknown: seed", 500),
    "a refusal in OpenRouter's metadata": _refusal(
        "seed",
        {
            "error": {
                "code": 400,
                "message": "Provider returned error",
                "metadata": {"raw": '{"error": "seed"}'},
            }
        },
    ),
    "a refusal of a value in words": _refusal(
        "temperature", _in_words("<400> InvalidParameter: Temperature should be in (0.0, 2.0)")
    ),
    "a refusal in two sentences": _refusal(
        "stop", _in_words("Bad request! The stop option is unknown. Try again.")
    ),
    "a refusal inside a 200": _refusal("seed", _openai("seed"), 200),
    "a refusal of several": Shape(
        (
            _refusing(
                "seed",
                sent({"detail": [*_fastapi("seed")["detail"], *_fastapi("stop")["detail"]]}, 422),
            ),
        ),
        calls=2,
        unsent=frozenset({"seed", "stop"}),
    ),
    "refusals one after another": Shape(
        (
            *(
                _refusing(name, sent(_openai(name), 400))
                for name in ("max_tokens", "max_completion_tokens", "temperature", "seed", "stop")
            ),
            FINE,
        ),
        calls=6,
        unsent=frozenset({"max_tokens", "max_completion_tokens", "temperature", "seed", "stop"}),
    ),
}


def _once(status: int, content: Any = "", **headers: str) -> Shape:
    """Fail once, then answer."""
    return Shape((sent(content, status, **headers), FINE), calls=2)


def _for_good(content: Any, status: int, comes_to: str, says: str = "", calls: int = 1) -> Shape:
    return Shape((sent(content, status),), comes_to, calls, says=says)


FAILURES: dict[str, Shape] = {
    **{
        f"HTTP {status}, once": _once(status)
        for status in (408, 409, 425, 429, 500, 502, 503, 504, 520, 524, 529)
    },
    "an overload in Anthropic's words": _once(529, {"error": {"type": "overloaded_error"}}),
    "an overload inside a 200": _once(200, {"error": {"type": "overloaded_error"}}),
    "a rate limit inside a 200": _once(200, {"error": {"code": 429, "message": "Slow down"}}),
    "a rate limit inside a 200, as a text": _once(200, {"error": {"code": "429"}}),
    "a rate limit inside a 200, by name": _once(200, {"error": {"code": "rate_limit_exceeded"}}),
    "a rate limit inside a 200, in words": _once(200, {"error": "Too Many Requests"}),
    "a server error inside a 200": _once(200, {"error": {"type": "server_error"}}),
    "an error inside a 200, in a list": _once(200, [{"error": {"status": "UNAVAILABLE"}}]),
    "an error inside a 200, in an old vLLM's shape": _once(
        200, {"object": "error", "message": "Busy", "type": "ServiceError", "code": 503}
    ),
    "an error in a stream": _once(200, 'data: {"error": {"code": 502, "message": "Upstream"}}\n\n'),
    "an error in the middle of a stream": _once(
        200,
        'data: {"choices": [{"delta": {"content": "Hel"}}]}\n\n'
        'data: {"error": {"code": 502}, "choices": [{"delta": {}, "finish_reason": "error"}]}\n\n',
    ),
    "a lasting 503": _for_good("", 503, UNAVAILABLE, calls=3),
    "a lasting 429": _for_good("", 429, LIMITED, calls=3),
    "a lasting 409": _for_good("", 409, UNAVAILABLE, calls=3),
    "prose with stop": _for_good(_in_words("Please stop this flood of requests."), 400, REJECTED),
    "prose with seed": _for_good({"detail": "We seed the cache: come back."}, 422, REJECTED),
    "prose with stop in a text": _for_good("The server had to stop", 500, UNAVAILABLE, calls=3),
    "prose with stop after an apostrophe": _for_good(
        _in_words("It couldn't stop."), 500, UNAVAILABLE, calls=3
    ),
    "prose with temperature": _for_good(
        _in_words("The temperature in the hall rose, stop."), 500, UNAVAILABLE, calls=3
    ),
    "prose with seed beside a sentence about a parameter": _for_good(
        _in_words("Unknown parameter: messages. Plant the seed first."), 400, REJECTED
    ),
    "a spent quota": _for_good(
        {"error": {"code": "insufficient_quota"}}, 429, SPENT, "LLM_API_KEY"
    ),
    "a spent quota as a type": _for_good({"error": {"type": "insufficient_quota"}}, 429, SPENT),
    "a billing limit": _for_good({"error": {"code": "billing_hard_limit_reached"}}, 400, SPENT),
    "a balance of nothing": _for_good({"error": {"message": "Insufficient Balance"}}, 402, SPENT),
    "a spent quota inside a 200": _for_good({"error": {"code": "insufficient_quota"}}, 200, SPENT),
    "a spent quota of Moonshot's": _for_good(
        {"error": {"type": "exceeded_current_quota_error"}}, 429, SPENT
    ),
    "a filtered prompt of Azure's": _for_good(
        {
            "error": {
                "code": "content_filter",
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            }
        },
        400,
        "model_content_filtered",
    ),
    "a filtered prompt of OpenAI's": _for_good(
        {"error": {"code": "content_policy_violation"}}, 400, "model_content_filtered"
    ),
    "a wrong key": _for_good({"error": {"code": "invalid_api_key"}}, 401, REJECTED, "LLM_API_KEY"),
    "a wrong key of Gemini's": _for_good(
        [
            {
                "error": {
                    "code": 400,
                    "status": "INVALID_ARGUMENT",
                    "details": [{"reason": "API_KEY_INVALID"}],
                }
            }
        ],
        400,
        REJECTED,
        "LLM_API_KEY",
    ),
    "a wrong key inside a 200": _for_good(
        {"error": {"code": "invalid_api_key"}}, 200, REJECTED, "LLM_API_KEY"
    ),
    "a forbidden model": _for_good({"detail": "Forbidden"}, 403, REJECTED, "LLM_API_KEY"),
    "an unknown model": _for_good(
        {"error": {"code": "model_not_found"}}, 404, REJECTED, "LLM_MODEL"
    ),
    "an unknown path": _for_good("404 page not found", 404, REJECTED, "LLM_BASE_URL"),
    "a page": _for_good(
        "<!DOCTYPE html><html></html>", 200, "model_invalid_answer", "LLM_BASE_URL"
    ),
    "a full context": _for_good(
        {"error": {"code": "context_length_exceeded", "param": "messages"}},
        400,
        REJECTED,
        "LLM_MAX_TOKENS",
    ),
    "a full context of vLLM's": _for_good(
        {
            "message": "'max_tokens' is too large: the maximum context length is 4096 tokens",
            "code": 400,
        },
        400,
        REJECTED,
        "LLM_MAX_TOKENS",
    ),
    "an unknown error inside a 200": _for_good({"error": {"code": "x"}}, 200, REJECTED, "(x)"),
}
