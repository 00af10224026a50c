"""Reads what a provider says of a failure, in any of the common shapes. Pure."""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from services.common.errors.model import (
    ModelContentFilteredError,
    ModelError,
    ModelQuotaSpentError,
    ModelRateLimitedError,
    ModelRejectedError,
    ModelUnavailableError,
)
from services.common.secret_masking import holds_secret

# The parameters that a model may refuse, in the order in which they are taken away, and what is
# sent instead, None for nothing.
REPLACEMENTS: dict[str, str | None] = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": None,
    "temperature": None,
    "seed": None,
    "stop": None,
    "stream_options": None,
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
SPELLINGS = {name.replace("_", ""): name for name in (*REPLACEMENTS, "model")} | {
    "maxoutputtokens": "max_tokens",
    "stopsequences": "stop",
}
CODE_KEYS = ("code", "reason", "type", "status")
PATH_KEYS = ("param", "parameter", "loc", "field", "path")
# A text that stands for the whole error has no key. What a server repeats of the request stands
# under other keys, and names no fault in it.
TEXT_KEYS = ("", "error", "message", "msg", "detail", "details", "description", "title", "raw")
# In a sentence a name is one of a parameter in quotes or an element, or beside such words: "stop"
# and "seed" are words of English.
QUOTED = re.compile(r"(?<=[\"'`>])\w+(?=[\"'`<])")
SENTENCE_END = re.compile(r"[.!?;]\s|\n")
ABOUT_PARAMETERS = re.compile(
    r"parameter|argument|field|option|extra|value|support|unknown|unrecogni|unexpected|invalid|"
    r"permitted|allowed|(?:must|should) be"
)
# A longer text is a sentence.
LONGEST_NAME = 40
REFUSAL_STATUSES = frozenset({400, 422, 500})
# What a client may have sent in vain.
CLIENT_STATUSES = frozenset({400, 404, 413, 422})
RETRIED_STATUSES = frozenset({408, 409, 425})
SERVER_ERRORS = 500
# Words in codes: none is one provider's alone.
WRONG_KEY = ("api_key",)
WRONG_MODEL = ("model_not", "unknown_model", "invalid_model")
FILTERED = ("content_filter", "content_policy", "responsibleai")
SPENT = re.compile(r"insufficient_(?:quota|credit|balance|fund)|current_quota|billing")
FULL_CONTEXT = re.compile(r"context[ _](?:length|window|size)|prompt is too long")
# What stands for a status where an error comes without one.
STATUS_WORDS = {
    429: ("rate_limit", "exhausted", "too_many"),
    503: ("overload", "unavailable", "server_error", "internal", "api_error", "timeout"),
    401: ("api_key", "authenti", "unauthorized", "permission", "forbidden"),
    404: ("not_found",),
}


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """What a provider says of a failure.

    Attributes:
        status: Its HTTP status; where it came inside a 200, the one that it stands for.
        codes: Its machine-readable codes, in lower case.
        named: The parameters of `SETTINGS` that it names: in paths to fields of the request, or
            else in its sentences.
        is_about_context: Whether the conversation is longer than the model's context.
        reason: What it says of the request; empty where that is the operator's business.
        param: The field that it names, where it names one.
    """

    status: int
    codes: tuple[str, ...]
    named: frozenset[str]
    is_about_context: bool
    reason: str
    param: str | None

    def refused(self, sent: Collection[str]) -> set[str]:
        """Find which of the parameters that were sent can be left out for it."""
        if self.status not in REFUSAL_STATUSES or self.is_about_context:
            return set()
        return {name for name in REPLACEMENTS if name in self.named and name in sent}


def read_report(status: int, error: object) -> ErrorReport:
    """Read an error: a JSON value in any shape, or a text."""
    said = [(name, str(leaf)) for name, leaf in find_leaves(error)]
    leaves = [(name, leaf.lower()) for name, leaf in said]
    codes = tuple(leaf for name in CODE_KEYS for key, leaf in leaves if key == name)
    texts = [leaf for key, leaf in leaves if key in TEXT_KEYS]
    paths = [leaf for key, leaf in leaves if key in PATH_KEYS]
    text = "\n".join(texts)
    status = status if status >= HTTPStatus.BAD_REQUEST else _find_status((*codes, *texts))
    param = next((leaf for key, leaf in said if key in PATH_KEYS and leaf != "body"), None)
    is_operators = param == "model" or _has((*WRONG_KEY, *WRONG_MODEL), codes)
    return ErrorReport(
        status=status,
        codes=codes,
        named=_find_parameters(" ".join(paths)) or _find_parameters(" ".join(_names_in(text))),
        is_about_context=bool(FULL_CONTEXT.search("\n".join((*codes, text)))),
        reason="" if is_operators else _find_reason(status, said),
        param=param,
    )


def _find_reason(status: int, said: Collection[tuple[str, str]]) -> str:
    """Find what is said of the request itself.

    A page is of a server before the model; what isn't found is the model or its address, unless a
    message names something else.
    """
    keys = ("message", "error") if status == HTTPStatus.NOT_FOUND else TEXT_KEYS
    texts = dict.fromkeys(text for key, text in said if key in keys and text.strip())
    is_operators = any(
        text.lstrip().startswith("<")
        or (status == HTTPStatus.NOT_FOUND and "model" in text.lower())
        for text in texts
    )
    return "; ".join(texts) if status in CLIENT_STATUSES and not is_operators else ""


def _find_parameters(text: str) -> frozenset[str]:
    words = {word.replace("_", "") for word in re.findall(r"\w+", text)}
    return frozenset(name for spelling, name in SPELLINGS.items() if spelling in words)


def _names_in(text: str) -> list[str]:
    """Collect what may be names of parameters in sentences."""
    sentences = SENTENCE_END.split(text)
    return [*QUOTED.findall(text), *filter(ABOUT_PARAMETERS.search, sentences)]


def parse_error(content: bytes) -> object:
    """Read the body of a failure: a JSON value, or else its text."""
    text = content.decode("utf-8-sig", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def explain_failure(report: ErrorReport, model: str) -> ModelError:
    """Say which error it is, and which setting matters; what the provider wrote isn't repeated.

    Args:
        report: What the provider says.
        model: What follows "The model" in a sentence: its name in quotes, or the like.
    """
    if _has(FILTERED, report.codes):
        return ModelContentFilteredError(
            f"The provider of the model {model} refuses what it was asked."
        )
    if report.status == HTTPStatus.PAYMENT_REQUIRED or any(map(SPENT.search, report.codes)):
        return ModelQuotaSpentError(
            f"The quota or credit for the model {model} is spent. "
            "See to the account of LLM_API_KEY."
        )
    if report.status == HTTPStatus.TOO_MANY_REQUESTS:
        return ModelRateLimitedError(f"The model {model} is rate limited.")
    if report.status >= SERVER_ERRORS or report.status in RETRIED_STATUSES:
        return ModelUnavailableError(f"The model {model} failed with HTTP {report.status}.")
    codes = (code for code in report.codes if code.isidentifier() and not holds_secret(code))
    code = next(codes, "")
    return ModelRejectedError(
        f"The model {model} refused the request with HTTP {report.status}"
        + (f" ({code[:64]}). " if code else ". ")
        + _advise(report),
        reason=report.reason,
        param=report.param,
    )


def _advise(report: ErrorReport) -> str:
    if report.is_about_context:
        return (
            "Prompt, input and answer are longer than the model's context: shorten them, lower "
            "LLM_MAX_TOKENS, or name another model in LLM_MODEL."
        )
    statuses = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    if report.status in statuses or _has(WRONG_KEY, report.codes):
        return "Check LLM_API_KEY."
    if report.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        return "Check LLM_MODEL, and LLM_BASE_URL, which goes up to and with /v1."
    if settings := {SETTINGS[name] for name in report.named & SETTINGS.keys()}:
        return f"Check {', '.join(sorted(settings))}."
    return "Check LLM_MODEL, LLM_BASE_URL and LLM_API_KEY."


def find_leaves(value: object) -> Iterator[tuple[str, Any]]:
    """Give each text and number of a JSON value with the name that it stands under."""
    pending: list[tuple[str, Any]] = [("", value)]
    while pending:
        name, item = pending.pop()
        if isinstance(item, dict):
            pending += reversed(item.items())
        elif isinstance(item, list):
            pending += [(name, part) for part in reversed(item)]
        elif item is not None:
            yield name, item


def _find_status(codes: Collection[str]) -> int:
    """Find the status that codes or names stand for; a bad request where they say nothing."""
    names = [code.replace(" ", "_") for code in codes if len(code) <= LONGEST_NAME]
    if number := next((name for name in names if re.fullmatch("[45][0-9][0-9]", name)), None):
        return int(number)
    return next((status for status, words in STATUS_WORDS.items() if _has(words, names)), 400)


def _has(words: Collection[str], texts: Collection[str]) -> bool:
    return any(word in text for word in words for text in texts)
