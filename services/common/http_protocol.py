"""uvicorn's HTTP protocol with a limit on a request's head, and its errors as JSON."""

from http import HTTPStatus
from uuid import uuid4

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.common.schemas import ErrorResponse

MAX_HEAD_BYTES = 64 * 1024


class BoundedHttpProtocol(HttpToolsProtocol):
    """Refuses a request line and headers that are too long, before they fill the memory.

    Bytes are counted as they come, piece by piece, so that a head may be over the limit by the
    piece that ends it, at most 256 KB.
    """

    _head_bytes = 0
    _in_head = True

    def data_received(self, data: bytes) -> None:
        """Parse what the client sent, and refuse a head that is too long."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self._refuse(
                    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                    "head_too_large",
                    f"The request's headers are over the limit of {MAX_HEAD_BYTES} bytes.",
                )

    def on_message_begin(self) -> None:
        """Begin to count a head."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End the count."""
        self._in_head = False
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what can't be read as HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, "invalid_request", msg)

    def _refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        answer = ErrorResponse(code=code, message=message, request_id=str(uuid4()))
        body = answer.model_dump_json().encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
