"""Tells of what a relay passes on, where OpenTelemetry is switched on."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from services.common.llm.relay.relay import ChatRelay
from services.common.tracing.inference import Inference, inferring
from services.common.tracing.telemetry import Telemetry, find_telemetry


class TracedRelay:
    """A relay, each of whose calls is told of.

    Args:
        relay: What passes conversations on.
        spec: Its model, as `provider:name`.
        parameters: What goes along where a request has none of the name.
        base_url: Where its API lives; empty where that isn't known.
    """

    def __init__(
        self,
        relay: ChatRelay,
        spec: str,
        parameters: Mapping[str, Any],
        base_url: str = "",
    ) -> None:
        self._relay = relay
        self._spec = spec
        self._parameters = parameters
        self._base_url = base_url

    async def complete(self, request: Mapping[str, Any]) -> bytes:
        """Return a chat completion as JSON."""
        given = {**self._parameters, **request}
        with inferring(self._spec, given, self._base_url) as inference:
            answer = await self._relay.complete(request)
            if inference:
                inference.tell_reply(json.loads(answer))
            return answer

    def stream(self, request: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Give whole events."""
        telemetry = find_telemetry()
        events = self._relay.stream(request)
        return self._tell(telemetry, request, events) if telemetry else events

    async def _tell(
        self,
        telemetry: Telemetry,
        request: Mapping[str, Any],
        events: AsyncGenerator[bytes, None],
    ) -> AsyncGenerator[bytes, None]:
        given = {**self._parameters, **request}
        inference = Inference(telemetry, self._spec, given, self._base_url, is_stream=True)
        with inference.ending():
            async with aclosing(events):
                # It can't stay the current span while others run, so it is where the call begins.
                with inference.as_current():
                    block = await anext(events, None)
                while block is not None:
                    inference.tell_events(block)
                    yield block
                    block = await anext(events, None)
