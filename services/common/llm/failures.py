"""Reads what a provider says of a failure, in any of the common shapes. Pure."""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from services.common.errors import (
    ModelContentFilteredError,
    ModelError,
    ModelQuotaSpentError,
    ModelRateLimitedError,
    ModelRejectedError,
    ModelUnavailableError,
)

# The parameters that a model may refuse, in the order in which they are taken away, and what is
# sent instead, None for nothing.
REPLACEMENTS: dict[str, str | None] = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": None,
    "temperature": None,
    "seed": None,
    "stop": None,
}
SETTINGS = {
    "max_tokens": "LLM_MAX_TOKENS",
    "max_completion_tokens": "LLM_MAX_TOKENS",
    "temperature": "LLM_TEMPERATURE",
    "seed": "LLM_SEED",
    "stop": "LLM_STOP_AFTER_CODE_BLOCK",
    "model": "LLM_MODEL",
}
# What other providers call them, without underscores and in lower case.
SPELLINGS = {name.replace("_", ""): name for name in SETTINGS} | {
    "maxoutputtokens": "max_tokens",
    "stopsequences": "stop",
}
CODE_KEYS = ("code", "reason", "type", "status")
PATH_KEYS = frozenset({"param", "parameter", "loc", "field", "path"})
# A text that stands for the whole error has no key.
TEXT_KEYS = frozenset(
    {"", "error", "message", "msg", "detail", "details", "description", "title", "raw"}
)
# What a server repeats of the request names no fault in it.
ECHOES = frozenset({"input", "ctx"})

REFUSAL_STATUSES = frozenset({400, 422, 500})
RETRIED_STATUSES = frozenset({408, 409, 425})
SERVER_ERRORS = 500
FILTER_CODES = frozenset(
    {"content_filter", "content_policy_violation", "responsibleaipolicyviolation"}
)
QUOTA_CODES = frozenset(
    {
        "insufficient_quota",
        "insufficient_credits",
        "insufficient_balance",
        "insufficient_funds",
        "exceeded_current_quota_error",
    }
)
CONTEXT_CODES = frozenset({"context_length_exceeded"})
CONTEXT_WORDS = ("context length", "context window", "context size")
# Codes that stand for a status where an error comes without one, beside HTTP's own names.
CODE_STATUSES = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "resource_exhausted": 429,
    "overloaded": 503,
    "overloaded_error": 503,
    "unavailable": 503,
    "server_error": 500,
    "api_error": 500,
    "internal": 500,
    "internal_error": 500,
    "timeout": 504,
    "deadline_exceeded": 504,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "unauthenticated": 401,
    "permission_denied": 403,
    "model_not_found": 404,
}
for _status in HTTPStatus:
    if _status >= HTTPStatus.BAD_REQUEST:
        CODE_STATUSES |= {_status.name.lower(): _status.value, str(_status.value): _status.value}
CODE_STATUSES["529"] = 529


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """What a provider says of a failure.

    Attributes:
        status: Its HTTP status; where it came inside a 200, the one that it stands for.
        codes: Its machine-readable codes, in lower case.
        path_words: The words in paths to fields of the request, such as `body` and `seed`.
        text_words: The words in its sentences.
        is_about_context: Whether the conversation is longer than the model's context.
    """

    status: int
    codes: tuple[str, ...]
    path_words: frozenset[str]
    text_words: frozenset[str]
    is_about_context: bool

    def named(self, parameters: Collection[str]) -> set[str]:
        """Find which parameters it names: in paths, or else as words in its sentences."""
        for words in (self.path_words, self.text_words):
            known = {SPELLINGS.get(word.replace("_", ""), "") for word in words}
            if named := known.intersection(parameters):
                return named
        return set()

    def refused(self, sent: Collection[str]) -> set[str]:
        """Find which of the parameters that were sent can be left out for it."""
        if self.status not in REFUSAL_STATUSES or self.is_about_context:
            return set()
        return self.named(REPLACEMENTS.keys() & {*sent})


def read_report(status: int, error: object) -> ErrorReport:
    """Read an error: a JSON value in any shape, or a text."""
    leaves = list(_leaves(error))
    codes = tuple(str(leaf).lower() for name in CODE_KEYS for key, leaf in leaves if key == name)
    texts = [str(leaf).lower() for key, leaf in leaves if key in TEXT_KEYS]
    text = " ".join(texts)
    paths = " ".join(str(leaf) for key, leaf in leaves if key in PATH_KEYS).lower()
    return ErrorReport(
        status=status if status >= HTTPStatus.BAD_REQUEST else _find_status((*codes, *texts)),
        codes=codes,
        path_words=frozenset(re.findall(r"\w+", paths)),
        text_words=frozenset(re.findall(r"\w+", text)),
        is_about_context=not CONTEXT_CODES.isdisjoint(codes)
        or any(words in text for words in CONTEXT_WORDS),
    )


def parse_error(content: bytes) -> object:
    """Read the body of a failure: a JSON value, or else its text."""
    text = content.decode("utf-8-sig", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def explain_failure(report: ErrorReport, model: str) -> ModelError:
    """Say which error it is, and which setting matters; what the provider wrote isn't repeated."""
    if not FILTER_CODES.isdisjoint(report.codes):
        return ModelContentFilteredError(f"The provider of {model!r} refuses what it was asked.")
    if report.status == HTTPStatus.PAYMENT_REQUIRED or any(
        code in QUOTA_CODES or "billing" in code for code in report.codes
    ):
        return ModelQuotaSpentError(
            f"The quota or credit for {model!r} is spent. See to the account of LLM_API_KEY."
        )
    if report.status == HTTPStatus.TOO_MANY_REQUESTS:
        return ModelRateLimitedError(f"The model {model!r} is rate limited.")
    if report.status >= SERVER_ERRORS or report.status in RETRIED_STATUSES:
        return ModelUnavailableError(f"The model {model!r} failed with HTTP {report.status}.")
    code = next((code for code in report.codes if code.isidentifier()), "")
    return ModelRejectedError(
        f"The model {model!r} refused the request with HTTP {report.status}"
        + (f" ({code[:64]}). " if code else ". ")
        + _advise(report)
    )


def _advise(report: ErrorReport) -> str:
    if report.is_about_context:
        return (
            "Prompt, input and answer are longer than the model's context: shorten them, lower "
            "LLM_MAX_TOKENS, or name another model in LLM_MODEL."
        )
    if report.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or any(
        "api_key" in code for code in report.codes
    ):
        return "Check LLM_API_KEY."
    if report.status == HTTPStatus.NOT_FOUND:
        return "Check LLM_MODEL, and LLM_BASE_URL, which goes up to and with /v1."
    if report.status == HTTPStatus.METHOD_NOT_ALLOWED:
        return "Check LLM_BASE_URL, which goes up to and with /v1."
    if named := report.named(SETTINGS):
        return f"Check {', '.join(sorted({SETTINGS[name] for name in named}))}."
    return "Check LLM_MODEL, LLM_BASE_URL and LLM_API_KEY."


def _leaves(value: object) -> Iterator[tuple[str, Any]]:
    """Give each text and number of a JSON value with the key that it stands under."""
    pending: list[tuple[str, Any]] = [("", value)]
    while pending:
        key, item = pending.pop()
        if isinstance(item, dict):
            pending += [pair for pair in reversed(item.items()) if pair[0] not in ECHOES]
        elif isinstance(item, list):
            pending += [(key, part) for part in reversed(item)]
        elif item is not None:
            yield key, item


def _find_status(codes: Collection[str]) -> int:
    """Find the status that codes or names stand for; a bad request where they say nothing."""
    names = (code.strip(" .!").replace(" ", "_") for code in codes)
    return next((CODE_STATUSES[name] for name in names if name in CODE_STATUSES), 400)
