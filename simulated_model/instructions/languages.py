"""Recognises which programming language, and which human one, a clause asks for."""

import re
from collections.abc import Iterator

from simulated_model.instructions.directives import Directive, Reply
from simulated_model.instructions.sentences import Clause
from simulated_model.instructions.wordings import Form, find_wordings

# Names of each programming language; a capital letter alone, or an everyday word, counts
# only as written here.
PROGRAMMING_LANGUAGES = {
    "python": r"python(?:\s?[23](?:\.\d+)?)?|py(?=\s+code)|파이썬|파이선",
    "javascript": r"javascript|java\s+script|ecmascript|node(?:\.?js)?|(?-i:JS|js)|자바\s?스크립트",
    "typescript": r"typescript|type\s+script|(?-i:TS)|타입\s?스크립트",
    "rust": r"rust|러스트",
    "go": r"golang|(?-i:Go)|고랭|고\s?언어",
    "java": r"java(?!\s?script)|자바(?!\s?스크립트)",
    "cpp": r"c\+\+|cpp|씨플플",
    "csharp": r"c\#|c\s?sharp|씨샵",
    "c": r"(?-i:C)(?![-+#\w'])|ansi\s+c\b|c\s?언어|씨\s?언어",
    "ruby": r"ruby|루비",
    "swift": r"(?-i:Swift)|스위프트",
    "kotlin": r"kotlin|코틀린",
    "scala": r"scala|스칼라",
    "haskell": r"haskell|하스켈",
    "lua": r"(?-i:Lua|LUA)",
    "r": r"(?-i:R)(?![-\w'&])",
    "bash": r"bash|shell\s+scripts?|(?:bourne\s+|posix\s+)?shell|배시",
    "sql": r"(?:my|postgre|t-)?sql",
    "html": r"html5?",
    "css": r"(?-i:CSS)",
    "lisp": r"(?:common\s+)?lisp|scheme(?=\s+code)",
    "fsharp": r"f\#",
    "pascal": r"(?-i:Pascal)|delphi",
    "matlab": r"matlab|octave",
    "asm": r"assembl(?:y|er)(?:\s+language)?",
    "vb": r"visual\s+basic|vb\.?net|vba|(?-i:BASIC)",
    "brainfuck": r"brainf\S?\S?ck",
    "text": r"pseudo-?\s?code|의사\s?코드",
    **{
        name: name
        for name in "php perl powershell erlang clojure ocaml cobol fortran prolog".split()
    },
    **{name.lower(): f"(?-i:{name})" for name in "Julia Dart Elixir Zig Nim Groovy".split()},
}
HUMAN_LANGUAGES = {
    "english": r"english|영어",
    "korean": r"korean|한국어|한국말|한글|우리말|coreano|coréen",
    "japanese": r"japanese|일본어|日本語",
    "chinese": r"chinese|mandarin|중국어|中文",
    "french": r"french|프랑스어|불어|français",
    "german": r"german|독일어|deutsch",
    "spanish": r"spanish|스페인어|español",
    "latin": r"latin(?!-)|라틴어",
}
NAMES = {canonical: re.compile(names, re.I) for canonical, names in PROGRAMMING_LANGUAGES.items()}
# Longer names first, so that JavaScript isn't read as Java, nor C++ as C.
ANY = "|".join(
    f"(?:{names})" for names in sorted(PROGRAMMING_LANGUAGES.values(), key=len, reverse=True)
)

MANNER = (
    r"(?:(?:only|just|always|strictly|exclusively|nothing\s+but|valid|plain|pure|modern|idiomatic|vanilla|"
    r"proper|correct|clean|working|complete|standard|good|the|a|an|one|single|programming|language)[\s,]+)*"
)
ADDRESSED = re.compile(
    rf"(?:(?<![\w.])(?:in|as|using|use|write|speak|output|return|produce|generate|prefer|choose|code|program|into|en|auf|"
    rf"answer|reply|respond|only|give|provide|with|emit|be|to)\s+{MANNER}|\blanguage\s*(?::|is|=|must\s+be|should\s+be)\s*"
    rf"{MANNER})(?P<name>{ANY})(?!['’\w]|-\w)(?!\s+(?:standard\s+)?(?:library|libraries|docs|documentation|style|idioms|"
    rf"interpreter|version|type|syntax\s+errors?|data|values?|objects?|strings?|file|input|literals?|dict|list|\d))"
    rf"(?:\s*[23](?:\.\d+)*\+?)?",
    re.I,
)
QUALIFYING = re.compile(
    rf"(?<![\w.+#])(?P<name>{ANY})(?:\s*[23](?:\.\d+)*\+?)?[\s-]+(?:(?:code|source)\s+)?(?:code|functions?|class(?:es)?|"
    r"programs?|snippets?|solutions?|blocks?|scripts?|only|developer|engineer|programmer|generator|expert|"
    r"assistant|implementations?|coder|guru|specialist|로만)\b",
    re.I,
)
IN_KOREAN = re.compile(
    rf"(?P<name>{ANY})\s?(?:언어)?\s?(?:로만|으로만|로|으로|만|코드|함수|를|을|で)(?=\W|답|작|응|출|코|구|대|쓰|써|짜)",
    re.I,
)
# "No language other than X", "anything but X".
EXCEPT = re.compile(
    rf"\b(?:no|not|never|any(?:thing)?|nothing|do\s+not|don't)\b[^.;]{{0,40}}?\b(?:other\s+than|but|except(?:\s+for)?|"
    rf"besides)\s+{MANNER}(?P<name>{ANY})(?!['’\w])",
    re.I,
)
IN_HUMAN_LANGUAGE = tuple(
    Form(
        rf"\b(?:in|speak|use|into|to|only|en|auf)\s+{MANNER}(?:{names})\b"
        rf"|\blanguage\s*(?::|is|must\s+be)\s*(?:{names})\b|(?:{names})\s?(?:로만|로|으로)\b",
        {"prose_language": language},
    )
    for language, names in HUMAN_LANGUAGES.items()
)
# Mentions of languages that are no instruction to use one.
MENTION = re.compile(
    r"\b(?:mention\w*|compared?\s+(?:to|with)|unlike|similar\s+to|translate\s+from|from\s+other|even\s+if|as\s+\w+\s+as)\b",
    re.I,
)


def find_languages(clause: Clause) -> Iterator[Directive]:
    """Find the programming language that a clause asks for or rules out."""
    if MENTION.search(clause.masked):
        return
    exception = EXCEPT.search(clause.masked)
    if exception and "any language but" not in clause.masked.lower():
        yield _chosen(clause, exception, implies_code=True)
        return
    for pattern in (QUALIFYING, ADDRESSED, IN_KOREAN):
        for match in pattern.finditer(clause.masked):
            language = language_of_tag(match["name"])
            if clause.is_negated(match.start("name"), match.end("name")):
                fallback = "javascript" if language == "python" else "python"
                changes = {"excluded_language": language, "fallback_language": fallback}
                yield Directive(clause.position + match.start(), changes)
            else:
                yield _chosen(clause, match, implies_code=pattern is not QUALIFYING)


def find_human_languages(clause: Clause) -> Iterator[Directive]:
    """Find the human language that a clause asks for."""
    yield from find_wordings(clause, IN_HUMAN_LANGUAGE)


def _chosen(clause: Clause, match: re.Match[str], *, implies_code: bool) -> Directive:
    changes: dict[str, object] = {"language": language_of_tag(match["name"])}
    if implies_code:
        changes["reply"] = Reply.CODE
    return Directive(clause.position + match.start("name"), changes)


def language_of_tag(tag: str) -> str:
    """Return the programming language of a code fence's tag; empty for an unknown one."""
    return next((language for language, names in NAMES.items() if names.fullmatch(tag)), "")
