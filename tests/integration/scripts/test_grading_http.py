"""The benchmark's HTTP exchanges with servers that do what no server should."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from grading.http import MOST_BYTES, send
from support.http_server import JsonHandler, serving

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def listening(answer: Callable[[socket.socket], object]) -> Iterator[str]:
    """A server that reads what it gets, and answers one connection as it likes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                try:
                    answer(connection)
                except OSError:
                    return  # the benchmark has hung up

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


def drip(connection: socket.socket) -> None:
    """Another byte before any silence is long enough, for as long as somebody listens."""
    connection.sendall(HEAD + b"\r\n")
    pause = threading.Event()
    while not pause.wait(0.02):
        connection.sendall(b" ")


def test_an_answer_that_never_ends_is_given_up() -> None:
    with listening(drip) as url:
        reply = send(url, timeout_seconds=0.3)
    assert (reply.status, reply.error) == (None, "timed out in the middle of the answer")


def drip_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    pause = threading.Event()
    while not pause.wait(0.01):
        connection.sendall(b"X: y\r\n")


def test_headers_that_never_end_are_given_up() -> None:
    with listening(drip_headers) as url:
        reply = send(url, timeout_seconds=0.3)
    assert (reply.status, reply.error) == (None, "timed out")


def test_more_than_anybody_reads_is_cut() -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"\r\n")
        while True:
            connection.sendall(b"a" * 1_000_000)

    with listening(flood) as url:
        reply = send(url, timeout_seconds=60)
    assert (reply.status, len(reply.text), reply.json) == (200, MOST_BYTES, None)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: minus\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://[broken/\r\n\r\n",
    ],
)
def test_what_is_no_http_is_an_error_in_words(answer: bytes) -> None:
    with listening(lambda connection: connection.sendall(answer)) as url:
        reply = send(url, timeout_seconds=5)
    assert reply.status in (None, 302)
    assert reply.seen


@pytest.mark.parametrize("body", [b"\xff\xfe", b"[" * 100_000, b"1" * 5000, b"NaN", b""])
def test_any_body_can_be_looked_at(body: bytes) -> None:
    head = HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode()
    with listening(lambda connection: connection.sendall(head + body)) as url:
        reply = send(url, timeout_seconds=5)
    assert (reply.status, reply.fields) == (200, {})


def test_a_proxy_for_the_internet_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with listening(lambda connection: connection.sendall(HEAD + b"\r\n{}")) as url:
        assert send(url, timeout_seconds=5).status == 200


def test_credentials_go_to_the_service_and_to_no_other_that_it_names() -> None:
    got: list[dict[str, str]] = []

    class Other(JsonHandler):
        def do_GET(self) -> None:
            got.append(dict(self.headers))
            self.answer(200, b"{}")

    with serving(Other) as elsewhere:

        class Named(JsonHandler):
            def do_GET(self) -> None:
                got.append(dict(self.headers))
                self.send_response(302)
                self.send_header("Location", elsewhere)
                self.end_headers()

        with serving(Named) as url:
            reply = send(url, timeout_seconds=5, credentials={"Authorization": "Bearer sh_1"})
    assert reply.status == 200
    assert [headers.get("Authorization") for headers in got] == ["Bearer sh_1", None]
