"""Three services in one, just enough to be graded: canned answers, and no database at all.

No answer names its request, so that the grading waits for no row of it.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from support.http_server import JsonHandler, serving

BAD = {"score": 0.36, "passed": False, "output": "Hello World"}


@contextmanager
def stub_services(on_request: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Serve all three APIs at one URL.

    Args:
        on_request: Called at each request to the Manager's API.
    """

    class Handler(JsonHandler):
        def do_GET(self) -> None:
            self._answer({"status": "ok", "service": "stub", "version": "0"})

        def do_POST(self) -> None:
            self.body()
            if self.path.endswith("/request"):
                on_request()
            self._answer(
                {
                    "refined_input": "refined",
                    "worker_output": BAD["output"],
                    "evaluation_score": BAD["score"],
                    "evaluation_passed": BAD["passed"],
                    "prompt_version": 99,
                    "output": BAD["output"],
                    "score": BAD["score"],
                    "passed": BAD["passed"],
                    "detail": {},
                }
            )

        def _answer(self, content: dict[str, object]) -> None:
            self.answer(200, json.dumps(content).encode())

    with serving(Handler) as url:
        yield url
