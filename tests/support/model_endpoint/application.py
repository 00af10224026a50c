"""The simulated model as an OpenAI-compatible HTTP application, with faults on demand."""

import asyncio
import json
import socket
import struct
import time
from typing import Any
from uuid import uuid4

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from support.model_endpoint.faults import Fault, FaultPlan

from simulated_model.composition.answering import MODEL_NAME, answer, count_tokens

MAX_BODY_BYTES = 4 << 20
RETRY_AFTER_SECONDS = "1"
# Linger for no time: closing the socket then sends a reset.
NO_LINGER = struct.pack("ii", 1, 0)
SYSTEM_ROLES = frozenset({"system", "developer"})

FAULTS = web.AppKey("FAULTS", FaultPlan)
LATENCY_SECONDS = web.AppKey("LATENCY_SECONDS", float)


class _Part(BaseModel):
    text: str = ""


class _Message(BaseModel):
    role: str
    content: str | list[_Part] | None = None

    @property
    def text(self) -> str:
        """The content as one text."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class _ChatRequest(BaseModel):
    """The part of a chat completion request that counts; the rest is accepted and ignored."""

    model: str = MODEL_NAME
    messages: list[_Message] = Field(min_length=1)
    stream: bool = False


class _FaultRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Fault
    count: int = Field(default=1, ge=0, le=1_000_000)


def create_application(
    *, faults: FaultPlan | None = None, latency_ms: float = 0
) -> web.Application:
    """The endpoint.

    Args:
        faults: Which requests fail; none by default.
        latency_ms: Pause before each answer.
    """
    application = web.Application(client_max_size=MAX_BODY_BYTES)
    application[FAULTS] = faults or FaultPlan()
    application[LATENCY_SECONDS] = latency_ms / 1000
    application.router.add_post("/v1/chat/completions", _complete)
    application.router.add_get("/v1/models", _list_models)
    application.router.add_get("/health", _show_health)
    application.router.add_post("/faults", _schedule_faults)
    return application


async def _complete(request: web.Request) -> web.StreamResponse:
    fault = request.app[FAULTS].next_fault(request.headers.get("X-Fault"))
    try:
        asked = _ChatRequest.model_validate_json(await request.read())
    except ValidationError as error:
        return _invalid(error)
    except web.HTTPRequestEntityTooLarge:
        return _error(413, f"The body is over {MAX_BODY_BYTES} bytes.", "request_too_large")
    if asked.stream:
        return _error(400, "Streaming is not supported.", "unsupported_value", "stream")
    if request.app[LATENCY_SECONDS]:
        await asyncio.sleep(request.app[LATENCY_SECONDS])
    if fault is not None:
        return await _fail(request, fault)
    return web.Response(body=json.dumps(_completion(asked)), content_type="application/json")


def _completion(asked: _ChatRequest) -> dict[str, Any]:
    prompt = "\n\n".join(m.text for m in asked.messages if m.role in SYSTEM_ROLES)
    requests = [message.text for message in asked.messages if message.role == "user"]
    text = answer(prompt, requests[-1] if requests else "")
    input_tokens = sum(count_tokens(message.text) for message in asked.messages)
    output_tokens = count_tokens(text)
    message = {"role": "assistant", "content": text}
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": MODEL_NAME,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": input_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": input_tokens + output_tokens,
        },
    }


async def _fail(request: web.Request, fault: Fault) -> web.StreamResponse:
    match fault:
        case Fault.RATE_LIMIT:
            response = _error(429, "Rate limit reached.", "rate_limit_exceeded")
            response.headers["Retry-After"] = RETRY_AFTER_SECONDS
            return response
        case Fault.SERVER_ERROR:
            return _error(500, "The server had an error.", "server_error")
        case Fault.HANG:
            await asyncio.get_running_loop().create_future()  # until the client leaves
        case Fault.RESET:
            _reset_connection(request)
        case Fault.MALFORMED:
            return web.Response(text='{"choices": [{"mess', content_type="application/json")
        case Fault.EMPTY:
            empty = {"object": "chat.completion", "model": MODEL_NAME, "choices": []}
            return web.json_response(empty)
    return web.Response()


def _reset_connection(request: web.Request) -> None:
    transport = request.transport
    if transport is not None:
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER
        )
        transport.abort()


async def _list_models(_: web.Request) -> web.Response:
    model = {"id": MODEL_NAME, "object": "model", "created": 0, "owned_by": MODEL_NAME}
    return web.json_response({"object": "list", "data": [model]})


async def _show_health(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _schedule_faults(request: web.Request) -> web.Response:
    try:
        asked = _FaultRequest.model_validate_json(await request.read())
    except ValidationError as error:
        return _invalid(error)
    request.app[FAULTS].schedule(asked.kind, asked.count)
    return web.json_response({"kind": asked.kind, "count": asked.count})


def _invalid(error: ValidationError) -> web.Response:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    parameter = ".".join(str(part) for part in first["loc"])
    return _error(400, first["msg"], "invalid_value", parameter or None)


def _error(status: int, message: str, code: str, parameter: str | None = None) -> web.Response:
    """An error in OpenAI's shape."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    error = {"message": message, "type": kind, "param": parameter, "code": code}
    return web.json_response({"error": error}, status=status)
