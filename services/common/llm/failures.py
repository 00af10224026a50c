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
# A longer text is a sentence.
LONGEST_NAME = 40
REFUSAL_STATUSES = frozenset({400, 422, 500})
RETRIED_STATUSES = frozenset({408, 409, 425})
SERVER_ERRORS = 500
# Words in codes: none is one provider's alone.
FILTERED = ("content_filter", "content_policy", "responsibleai")
SPENT = (
    *("insufficient_quota", "insufficient_credit", "insufficient_balance", "insufficient_fund"),
    *("current_quota", "billing"),
)
FULL_CONTEXT = (
    *("context length", "context window", "context size", "context_length", "context_size"),
    "prompt is too long",
)
# What stands for a status where an error comes without one.
STATUS_WORDS = {
    429: ("429", "rate_limit", "exhausted", "too_many"),
    503: ("503", "overload", "unavailable", "server_error", "internal", "api_error"),
    504: ("504", "408", "timeout", "deadline"),
    502: ("409", "425", "500", "502", "529", "bad_gateway"),
    401: ("401", "api_key", "authenti", "unauthorized"),
    403: ("403", "permission", "forbidden"),
    404: ("404", "not_found"),
    402: ("402", *SPENT),
}


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
        is_about_context=_has(FULL_CONTEXT, (*codes, text)),
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
    if _has(FILTERED, report.codes):
        return ModelContentFilteredError(f"The provider of {model!r} refuses what it was asked.")
    if report.status == HTTPStatus.PAYMENT_REQUIRED or _has(SPENT, report.codes):
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
    if report.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or _has(
        ("api_key",), report.codes
    ):
        return "Check LLM_API_KEY."
    if report.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        return "Check LLM_MODEL, and LLM_BASE_URL, which goes up to and with /v1."
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
    names = [code.replace(" ", "_") for code in codes if len(code) <= LONGEST_NAME]
    return next((status for status, words in STATUS_WORDS.items() if _has(words, names)), 400)


def _has(words: Collection[str], texts: Collection[str]) -> bool:
    return any(word in text for word in words for text in texts)
