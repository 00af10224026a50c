"""Finds out whether a request for code names a language and a form of answer, and adds defaults."""

import re

DEFAULT_FORM = "Output: complete code in a single code block."

_WORD = re.compile(r"[a-z_][a-z0-9_]*(?:\+\+|#)?")

_LANGUAGES = frozenset(
    """python python2 python3 py cython javascript js typescript tsx jsx nodejs java kotlin scala
    groovy clojure haskell ocaml erlang elixir swift objective rust golang ruby rails php laravel
    perl lua julia matlab octave fortran cobol delphi prolog lisp dart flutter solidity sql
    mysql postgresql postgres sqlite plsql bash zsh powershell awk vba scss verilog vhdl zig nim
    cuda c++ cpp c# csharp f# fsharp graphql terraform makefile dockerfile""".split()
)
_KOREAN_LANGUAGES = re.compile(
    "파이썬|파이선|자바|타입스크립트|코틀린|스칼라|스위프트|러스트|루비|고랭|고 ?언어|씨 ?언어"
    "|씨플플|씨샵|하스켈|배시|셸|쉘|리액트"
)
# Names that are also everyday words or symbols, and count only where they stand like a name.
_AMBIGUOUS = frozenset(
    "go c r d ts rs rb sh kt cs html css shell node react assembly pascal scheme basic".split()
)
_AMBIGUOUS_AS_LANGUAGE = re.compile(
    r"""
      \b(?:[Ii]n|[Uu]se|[Uu]sing|[Ww]ith|[Ii]nto)\ (?:Go|C|R|D)(?![\w+#'’^]|\s*[=<>])
    | \b(?:[Ii]n|[Uu]sing)\ (?:go|c|r)(?=\s*(?:[.,;:!?\n]|\Z)|\ (?:that|to|which|with|code)\b)
    | \b(?:to|from)\ (?:Go|R)(?!\w|\s*[=<>])
    | \b(?:Go|C|R|go|c|r)\ (?:code|function|language|package|program|script|snippet|struct)s?\b
    | \b[Ll]anguage:\ *(?:go|[cdr])\b
    | (?<![A-Za-z0-9_])(?:Go|C|R|go|c|r)(?:\ ?언어|로)
    | (?i:\b(?:in|using|with|into)\ (?:html|css|react|node|assembly|pascal|scheme|basic|shell|ts)\b)
    | (?i:\bshell\ (?:script|command)s?\b)
    | (?:```|~~~)\ *(?:go|c|r|ts|rs|rb|sh|kt|cs|html|css|shell)\b
    """,
    re.ASCII | re.VERBOSE,
)
_TEMPERATURE = re.compile(r"celsius|fahrenheit|kelvin|temperature|degrees|섭씨|화씨|온도", re.I)
_SIGNATURE = re.compile(
    r"\bdef \w+\(|\bfunction \w+\(|\bfn \w+\(|\bfunc \w+\(|\bpublic (?:static|class|void|int)\b"
    r"|\bint main\(|#include\b|\bconsole\.log\b|\bSystem\.out\b|\bstd::|^>>> ",
    re.ASCII | re.MULTILINE,
)

_FORMS = frozenset(
    """function functions class classes method methods script scripts program programs module
    snippet lambda decorator generator regex regexp pseudocode liner explain explains explanation
    describe why what review tests unittest pytest""".split()
)
_FORM_PHRASE = re.compile(
    r"\bcode (?:block|only)\b|\b(?:just|only) (?:the )?code\b|\bno explanations?\b"
    r"|\b(?:as|in) (?:json|yaml|xml|csv|markdown)\b|\bdef \w+\(",
    re.ASCII | re.IGNORECASE,
)
_KOREAN_FORMS = re.compile(
    "함수|클래스|메서드|메소드|스크립트|프로그램|모듈|코드만|코드 ?블록|설명|쿼리|정규식|테스트|왜 "
)


def add_code_defaults(request: str, *, language: str) -> str:
    """Add a last line with the language and the form of answer that a request leaves open.

    The line names what it adds, so it is never added twice. A blank line keeps it out of
    whatever the request ends in, a `>>>` session for one. Doubt counts as naming: a default that
    contradicts the request does harm, one that is missing does little.

    Args:
        language: Name of the language to state; empty to leave it to the prompt.
    """
    words = frozenset(_WORD.findall(request.lower()))
    missing = []
    if language and not _names_language(request, words):
        missing.append(f"Language: {language}.")
    if not _names_form(request, words):
        missing.append(DEFAULT_FORM)
    return f"{request}\n\n{' '.join(missing)}" if missing else request


def _names_language(request: str, words: frozenset[str]) -> bool:
    if not words.isdisjoint(_LANGUAGES) or _SIGNATURE.search(request):
        return True
    if not request.isascii() and _KOREAN_LANGUAGES.search(request):
        return True
    if words.isdisjoint(_AMBIGUOUS) or _AMBIGUOUS_AS_LANGUAGE.search(request) is None:
        return False
    return _TEMPERATURE.search(request) is None


def _names_form(request: str, words: frozenset[str]) -> bool:
    if not words.isdisjoint(_FORMS) or _FORM_PHRASE.search(request):
        return True
    return not request.isascii() and _KOREAN_FORMS.search(request) is not None
