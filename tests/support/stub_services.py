"""Three services in one, just enough to be graded: canned answers, and no database at all.

No answer names its request, so that nobody waits for a row of it.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BAD = {"score": 0.36, "passed": False, "output": "Hello World"}


@contextmanager
def stub_services(on_request: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Serve all three APIs at one URL.

    Args:
        on_request: Called at each request to the Manager's API.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"status": "ok", "service": "stub", "version": "0"})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
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
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
