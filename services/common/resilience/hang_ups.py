"""Work that ends with its client: whoever hangs up ends what is done for them."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

from services.common.errors import ClientGoneError

Result = TypeVar("Result")


async def while_connected(receive: Receive, work: Coroutine[Any, Any, Result]) -> Result:
    """Do work for as long as its client is there; it has ended when this returns or raises.

    Args:
        receive: The request's, whose body has been read.
        work: What is to be done.

    Raises:
        ClientGoneError: If the client hung up first; the work was cancelled.
    """
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_wait_for_hang_up(receive))
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
    finally:
        is_done = working.done()
        working.cancel()
        watching.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)
    if not is_done:
        raise ClientGoneError
    return working.result()


async def _wait_for_hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
