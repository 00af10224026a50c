"""Serves the simulated model as an OpenAI-compatible HTTP endpoint, with faults on demand."""

import argparse
import asyncio
import json
import random
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.common.llm.simulated.composition import MODEL_NAME, answer, count_tokens
from services.common.llm.simulated.endpoint_faults import Fault, FaultPlan

DEFAULT_PORT = 8010
MAX_BODY_BYTES = 4 << 20
RETRY_AFTER_SECONDS = "1"
MAX_LATENCY_MS = 600_000
SHUTDOWN_SECONDS = 1.0
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
    kind = "server_error" if status >= 500 else "invalid_request_error"  # noqa: PLR2004
    error = {"message": message, "type": kind, "param": parameter, "code": code}
    return web.json_response({"error": error}, status=status)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    options = _parse(arguments)
    fault = Fault(options.fault) if options.fault else None
    generator = random.Random(options.seed)  # noqa: S311 - picks which requests fail
    web.run_app(
        create_application(
            faults=FaultPlan(fault, options.fault_rate, generator), latency_ms=options.latency_ms
        ),
        host=options.host,
        port=options.port,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=SHUTDOWN_SECONDS,
        loop=_new_event_loop(),
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m services.common.llm.simulated.endpoint",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"""example:
  python -m services.common.llm.simulated.endpoint --port {DEFAULT_PORT} --fault rate_limit \\
      --fault-rate 0.2
  LLM_PROVIDER=openai LLM_BASE_URL=http://127.0.0.1:{DEFAULT_PORT}/v1 selfheal up

A request chooses its own fault with the header X-Fault; POST /faults with
{{"kind": "reset", "count": 3}} makes the next three requests fail.""",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    parser.add_argument(
        "--port", type=_number(int, 0, 65535), default=DEFAULT_PORT, help="(default: %(default)s)"
    )
    parser.add_argument(
        "--latency-ms",
        type=_number(float, 0, MAX_LATENCY_MS),
        default=0,
        help="pause before each answer, in milliseconds (default: none)",
    )
    parser.add_argument("--fault", choices=[fault.value for fault in Fault], help="how to fail")
    parser.add_argument(
        "--fault-rate",
        type=_number(float, 0, 1),
        default=1.0,
        help="share of the requests that fail, from 0 to 1 (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="decides which requests fail (default: %(default)s)"
    )
    return parser.parse_args(arguments)


def _number(kind: type[int] | type[float], least: float, most: float) -> Callable[[str], float]:
    """A reader of numbers within bounds, for argparse."""

    def number(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least:g} and {most:g}")
        return value

    return number


def _new_event_loop() -> asyncio.AbstractEventLoop:
    """A uvloop where there is one: it halves the cost of a request."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415

    return uvloop.new_event_loop()


if __name__ == "__main__":
    main()
