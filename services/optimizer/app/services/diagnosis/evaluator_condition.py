"""Asks the Evaluator whether its canaries say that it no longer judges as it did."""

import aiohttp

from services.common.logging import get_logger

TIMEOUT_SECONDS = 3.0

log = get_logger()


async def is_evaluator_degraded(session: aiohttp.ClientSession, evaluator_url: str) -> bool:
    """Ask for its readiness; one that gives no answer counts as well, since scoring shows it."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    url = evaluator_url.rstrip("/") + "/health/ready"
    try:
        async with session.get(url, timeout=timeout) as response:
            condition = await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        log.warning("evaluator_condition_unknown", code=type(error).__name__)
        return False
    return isinstance(condition, dict) and condition.get("degraded") is True
