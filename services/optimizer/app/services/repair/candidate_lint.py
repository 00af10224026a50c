"""Lints candidates before any replay: tells what none may be, whatever wrote it. Pure."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from services.common.record.text_lint import (
    MAX_BYTES,
    find_blank,
    find_changed_variable,
    find_erased,
    find_excess,
    find_unservable,
    find_unwanted_character,
)
from services.common.secret_masking import find_secrets
from services.optimizer.app.services.repair.borrowed_words import find_borrowed
from services.optimizer.app.services.screening.folded_text import fold

USUAL_BYTES = 4 * 1024
GROWTH = 2
MAX_SHOWN_CHARACTERS = 60

_URL = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,20}:/{1,2}|www\.|mailto:|data:)[^\s\"'`<>)\]]+"
    r"|(?<![\w.@-])(?:[a-z0-9-]{1,63}\.){1,4}(?:ai|app|biz|cc|co|com|dev|example|gg|info|io|kr|ly|me"
    r"|net|org|ru|sh|site|top|xyz)\b(?!\()(?:/[^\s\"'`<>)\]]*)?",
    re.IGNORECASE,
)
_FENCED = re.compile(r"\s*```[\w-]*\n(.*?)\n?```\s*", re.DOTALL)
_REFUSAL = re.compile(
    r"""[\s"'\#>*-]*+
    (?: (?:(?:unfortunately|sorry|as\ an\ ai\b[^.,\n]{0,40}
            |i\ apologi[sz]e|my\ apologies)[,.:!]?\s+(?:but\ )?)*
        (?: (?:i|we)\ (?:can't|cannot|can\ not|couldn't|won't|will\ not|am\ (?:unable|not\ able)
              |must\ (?:decline|refuse)|have\ to\ (?:decline|refuse)|don't\ feel\ comfortable)\b
          | i'm\ (?:unable|not\ able)\b )
      | (?:i'm|i\ am)\ (?:very\ |so\ |really\ )?(?:sorry|afraid)\b
      | sorry[,.!]\s | i\ apologi[sz]e\b | my\ apologies\b
      | (?:죄송|미안)(?:합니다|하지만|해요|하게도)
      | [^.\n]{0,60}(?:도와\s?드릴|답변할|답변해\s?드릴|제공할|응할)\s수\s?(?:가\s)?없 )
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class LintContext:
    """What candidates are held against.

    Attributes:
        lost_recently: Candidates that lost within the last day.
        evidence: User inputs and model outputs of the window, those set aside included.
        trusted: Texts whose words a candidate may use: the incumbent, what has served, golden
            inputs, repair sentences.
        variables: Names that requests give values for, where the task type declares any.
    """

    incumbent: str
    longest_served_bytes: int
    served: frozenset[str] = frozenset()
    lost_recently: frozenset[str] = frozenset()
    evidence: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


def find_lint(content: str, rules: LintContext) -> str:
    """Tell why a text mustn't be tried, as the end of a sentence; empty where it may.

    A text that has served before may be long, hold a URL or a secret, have lost, and repeat what
    users wrote.
    """
    checks = _ALWAYS if content in rules.served else (*_ALWAYS, *_UNPROVEN)
    return next((problem for check in checks if (problem := check(content, rules))), "")


def find_draft_lint(content: str, rules: LintContext) -> str:
    """Tell why a person's text mustn't be tried; it may be longer, and say what is new."""
    if content == rules.incumbent:
        return "it is what serves already"
    return (
        find_unservable(content, incumbent=rules.incumbent, variables=rules.variables)
        or find_erased(content, rules.incumbent)
        or _find_secret(content, rules)
        or ("" if content in rules.served else _find_lost(content, rules))
    )


def _find_refusal(content: str, _: LintContext) -> str:
    return "it is a refusal" if _REFUSAL.match(fold(content[:400])) else ""


def _find_json(content: str, _: LintContext) -> str:
    """Refuse a text that is one JSON object or list, or whose code fence is."""
    fenced = _FENCED.fullmatch(content)
    try:
        is_json = isinstance(json.loads(fenced[1] if fenced else content), dict | list)
    except (ValueError, RecursionError):
        return ""
    return "it is wrapped in JSON" if is_json else ""


def _find_excess(content: str, rules: LintContext) -> str:
    limit = min(MAX_BYTES, max(USUAL_BYTES, GROWTH * rules.longest_served_bytes))
    return find_excess(content, limit)


def _find_lost(content: str, rules: LintContext) -> str:
    return "it lost within the last day" if content in rules.lost_recently else ""


def _find_url(content: str, rules: LintContext) -> str:
    known = set(_urls(rules.incumbent))
    new = next((url for url in _urls(content) if url not in known), "")
    return f"it has the URL {_shorten(new)}, which the incumbent lacks" if new else ""


def _find_secret(content: str, rules: LintContext) -> str:
    known = find_secrets(rules.incumbent)
    has_new = any(secret not in known for secret in find_secrets(content))
    return "it has what looks like a secret, which the incumbent lacks" if has_new else ""


def _find_borrowed(content: str, rules: LintContext) -> str:
    borrowed = find_borrowed(content, evidence=rules.evidence, trusted=rules.trusted)
    return f'it has words from requests or answers: "{_shorten(borrowed)}"' if borrowed else ""


def _urls(text: str) -> list[str]:
    return [url.rstrip(".,;:!?").lower() for url in _URL.findall(text)]


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…"


Check = Callable[[str, LintContext], str]
_ALWAYS: tuple[Check, ...] = (
    lambda content, _: find_blank(content),
    lambda content, _: find_unwanted_character(content),
    lambda content, rules: find_erased(content, rules.incumbent),
    _find_refusal,
    _find_json,
    lambda content, rules: find_changed_variable(content, rules.incumbent, rules.variables),
)
_UNPROVEN: tuple[Check, ...] = (
    _find_excess,
    _find_lost,
    _find_url,
    _find_secret,
    _find_borrowed,
)
