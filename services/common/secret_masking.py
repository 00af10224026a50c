"""Finds keys, tokens and passwords in free text, and masks them; pure, linear in the text.

Every pattern either takes all of the run that it looks at or looks at a bounded piece of it, so
that no text makes it go over the same characters again and again. What a pattern can't tell, a
function over the run decides.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from math import log2

MASK = "***"
MIN_RANDOM_CHARACTERS = 32
MIN_ENTROPY_BITS = 3.0
MIN_OF_EACH_KIND = 2
MIN_SHARE_OUTSIDE_WORDS = 0.4
SEPARATORS = 4

# Start and end in the text.
_Span = tuple[int, int]

_NO_LETTER_BEFORE = r"(?<![A-Za-z0-9])"
_VENDOR_TOKEN = re.compile(
    _NO_LETTER_BEFORE
    + r"""(?P<secret>
        sk-[\w-]{8,}+ | [spr]k_(?:live|test)_\w{8,}+  # OpenAI, Anthropic, Stripe
      | (?:gh[opsur]_|github_pat_)\w{16,}+
      | (?:glpat|glrt|gldt)-[\w-]{16,}+
      | xox[a-z](?:\.xox[a-z])?-[\w-]{8,}+  # Slack
      | A(?:KIA|SIA|ROA|IDA)[A-Z0-9]{12,}+  # AWS
      | AIza[\w-]{30,}+ | ya29\.[\w.-]{20,}+  # Google
      | (?:hf|gsk|npm|whsec|shp(?:at|ca|ss)|dop_v1|hvs)[_.][A-Za-z0-9]{16,}+
      | (?:pypi|xai|pplx)-[\w-]{16,}+
      | sh_[0-9a-f]{12}_[\w-]{16,}+          # our own
      | SG\.[\w-]{16,}+\.[\w-]{16,}+        # SendGrid
      | eyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+)?  # JWT
    )""",
    re.ASCII | re.VERBOSE,
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN[ A-Z0-9]{0,40}PRIVATE[ ]KEY(?:[ ]BLOCK)?-----"
    r"(?P<secret>(?s:.*?)(?:-----END[ A-Z0-9]{0,60}-----|(?=-----)|\Z))",
)
_KEY_LINES = re.compile(
    r"[A-Za-z0-9/=][A-Za-z0-9+/=]{15,}+"
    r"(?:[\s\"'+]*+(?:\\[nrt][\s\"'+]*+)*[A-Za-z0-9+/=]{16,}+)*"
)
_AUTHORIZATION = re.compile(
    r"\b(?:bearer|basic)[ \t]{1,4}(?P<secret>[\w.~+/=-]{8,}+)", re.ASCII | re.IGNORECASE
)
_URL_PASSWORD = re.compile(r"://[^\s/:@\"'`<>]{0,200}:(?P<secret>[^\s/@\"'`<>]{1,200})@")
_PASSWORDS = r"pass(?:word|wd|phrase)|pwd|비밀\s?번호|패스워드|암호"
_KEYS = (
    r"secret|client[-_ ]?secret|(?:api|access|account|auth|private|secret|signing)[-_ ]?key"
    r"|시크릿|api\s?키"
)
_TOKENS = r"token|credentials?|토큰"
_ASSIGNMENT = re.compile(
    rf"""
    (?i:(?P<password>{_PASSWORDS})|(?P<key>{_KEYS})|{_TOKENS})
    (?i:[-_](?:key|id|value|token))?["'`]?\]?
    (?P<relation>
        \s{{0,4}}+(?::[ ]?[\w.]{{1,20}}(?:[ ]?\|[ ]?None)?\s{{0,4}}=|={{1,3}}>?|:=|:)\s{{0,4}}+
      | [ ](?:is|was)[ :]{{1,2}} | (?:은|는|이|가)[ ]
    )
    (?: (?P<quote>["'`])(?P<quoted>[^"'`\s]{{4,400}})(?P=quote)
      | (?P<bare>[^\s"'`,;()\[\]{{}}<>&|]{{6,400}}+)(?![(\[])
    )
    """,
    re.VERBOSE,
)
_RUN = re.compile(r"(?<![\w+/-])(?P<secret>[\w+/-]{32,}+={0,2})", re.ASCII)
_DIGITS = re.compile(r"[0-9]+")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_WORD_LIKE = re.compile(r"[A-Z][a-z]{3,}|[a-z]{4,}|(?<![A-Za-z])[A-Z]{3,}(?![a-z])")
_INNER_CAPITAL = re.compile(r"[a-z][A-Z]")
_REFERENCE = re.compile(r"[A-Za-z_]+\d{0,2}(?:\.[A-Za-z_]\w*)*[.!?:]*|https?:.*")
_PLACEHOLDER = re.compile(r"[*•.xX]{3,}|[{$%<].*", re.DOTALL)


def mask_secrets(text: str) -> str:
    """Replace every secret in a text with `***`, and leave the rest as it is.

    Idempotent, and nothing that `holds_secret` recognises is left.
    """
    while spans := _find_spans(text):
        pieces = []
        position = 0
        for start, end in spans:
            pieces += [text[position:start], MASK]
            position = end
        text = "".join([*pieces, text[position:]])
    return text


def holds_secret(text: str) -> bool:
    """Tell whether anything in the text looks like a key, a token or a password."""
    return bool(_find_spans(text))


def find_secrets(text: str) -> tuple[str, ...]:
    """List what looks like a secret, as it stands in the text, in its order."""
    return tuple(text[start:end] for start, end in _find_spans(text))


def _find_spans(text: str) -> list[_Span]:
    """Find where secrets stand, in order; those that overlap or touch are one."""
    merged: list[_Span] = []
    for start, end in sorted(span for find in _FINDERS for span in find(text)):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _find_private_keys(text: str) -> Iterator[_Span]:
    """Find key blocks; of one that nothing closes, the lines that hold the key."""
    for match in _PRIVATE_KEY.finditer(text):
        body = match["secret"]
        if lines := _KEY_LINES.search(body):
            length = len(body) if body.endswith("-----") else lines.end()
            yield match.start(), match.start("secret") + length


def _find_assignments(text: str) -> Iterator[_Span]:
    """Find the values of names that sound like a secret."""
    for match in _ASSIGNMENT.finditer(text):
        name = "quoted" if match["quoted"] is not None else "bare"
        if _PLACEHOLDER.fullmatch(match[name]):
            continue
        if _is_quoted_secret(match) if name == "quoted" else _is_bare_secret(match):
            yield match.span(name)


def _is_quoted_secret(match: re.Match[str]) -> bool:
    """Tell a secret in quotation marks from a parser's `token == "while"`."""
    return bool(match["password"] or match["key"]) or _has_digit(match["quoted"])


def _is_bare_secret(match: re.Match[str]) -> bool:
    """Tell whether a value without quotation marks is a secret, not a name or a word.

    `token = items2` and `connect(password=password)` are code; `password=swordfish`, closely
    written and not an argument, is a setting.
    """
    value, relation = match["bare"], match["relation"]
    if not any(character.isalpha() for character in value):
        return False
    if relation == "=" and match.string[match.end() : match.end() + 1] not in (",", ")"):
        return True
    if not _has_digit(value):
        return False
    return bool(match["password"]) or relation == "=" or not _REFERENCE.fullmatch(value)


def _is_random(run: str) -> bool:
    """Tell whether a long run is no word, no name, no path and no number."""
    characters = [character for character in run if character.isalnum()]
    digits = sum(character.isdigit() for character in characters)
    if min(digits, len(characters) - digits) < MIN_OF_EACH_KIND or _UUID.fullmatch(run):
        return False
    counts = Counter(characters).values()
    entropy = -sum(n / len(characters) * log2(n / len(characters)) for n in counts)
    if len(characters) < MIN_RANDOM_CHARACTERS - SEPARATORS or entropy < MIN_ENTROPY_BITS:
        return False
    if run.isalnum() and (run.islower() or run.isupper()):
        return len(_DIGITS.findall(run)) >= MIN_OF_EACH_KIND
    in_words = sum(len(word) for word in _WORD_LIKE.findall(run))
    return len(characters) - in_words >= MIN_SHARE_OUTSIDE_WORDS * len(run)


def _has_digit(run: str) -> bool:
    """Tell a vendor's token, which is random, from a name such as `sk-learn-compatible`."""
    return any(character.isdigit() for character in run)


def _is_mixed(run: str) -> bool:
    """Tell credentials after `Bearer` from a word, and from a name of two words."""
    return _has_digit(run) or len(_INNER_CAPITAL.findall(run)) > 1


def _finder(
    pattern: re.Pattern[str], is_secret: Callable[[str], bool]
) -> Callable[[str], Iterator[_Span]]:
    def find(text: str) -> Iterator[_Span]:
        for match in pattern.finditer(text):
            if is_secret(match["secret"]):
                yield match.span("secret")

    return find


_FINDERS: tuple[Callable[[str], Iterator[_Span]], ...] = (
    _find_private_keys,
    _find_assignments,
    _finder(_VENDOR_TOKEN, _has_digit),
    _finder(_AUTHORIZATION, _is_mixed),
    _finder(_URL_PASSWORD, lambda password: not _PLACEHOLDER.fullmatch(password)),
    _finder(_RUN, _is_random),
)
