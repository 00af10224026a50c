"""Recognises constructs that the code is told to contain, sensible or not."""

import re
from collections.abc import Iterator

from simulated_model.instructions.directives import Directive
from simulated_model.instructions.sentences import Clause

USE = (
    r"\b(?:us(?:e|ing|es)|call(?:s|ing)?|includ(?:e|ing)|contain(?:s|ing)?|via|with|through|need|"
    r"rely\s+on|employ)\b[^.;]{0,40}?"
)
LACK = r"\b(?:omit|leave\s+out|drop|forget|skip|without|remove)\b[^.;]{0,20}\b"
CONSTRUCTS = {
    "eval": rf"{USE}\beval\b",
    "exec": rf"{USE}\bexec\b",
    "recursion": rf"{USE}\brecursi(?:on|ve\w*)\b|\bwrite\b[^.;]{{0,30}}\brecursive"
    r"|\brecursive(?:ly)?\s+(?:solution|implementation|only|function)",
    "global": rf"{USE}\bglobals?(?:\s+(?:variables?|state|keyword))?\b",
    "print": r"\bprint(?:ing)?\b[^.;]{0,40}?\b(?:instead\s+of\s+return\w*|results?|outputs?|"
    r"answers?|rather\s+than\s+return\w*|do\s+not\s+return)\b"
    r"|\b(?:do\s+not|don't|never)\s+return\b[^.;]{0,60}\bprint",
    "no_return": r"\b(?:do\s+not|don't|never|without|forget\s+to|omit)\s+(?:ever\s+)?"
    r"(?:us(?:e|ing)\s+)?return(?:ing)?(?:\s+(?:anything|a\s+value|values|any\s+\w+|statements?|"
    rf"the\s+result))?(?=\s*(?:$|[.,;:!]|from\b))|{LACK}return\s+statements?\b",
    "single_letters": r"\b(?:single|one)[\s-](?:letter|character)\s+(?:variable\s+|parameter\s+)?"
    r"(?:names?|variables?|identifiers?)\b|\bobfuscate\w*\b|\bcryptic\s+(?:variable\s+)?names?\b",
    "try_except": rf"{USE}\btry\b(?:[\s/-]+(?:and\s+)?(?:except|catch))?"
    r"|\bwrap\b[^.;]{0,40}\btry\b|\bswallow\s+(?:all\s+|every\s+)?(?:exceptions?|errors?)",
    "class": rf"{USE}\ba\s+class\b(?!\s+(?:name|where))|\bwrap\b[^.;]{{0,40}}\bin\s+a\s+class\b"
    r"|\bmethods?\s+of\s+a\s+class\b",
    "syntax_error": rf"\bsyntax\s+errors?\b|{LACK}(?:colons?|parenthes[ie]s|brackets|indentation)\b"
    r"|\b(?:invalid|broken|unparsable|malformed)\s+(?:python|syntax|code)\b|\bnot\s+compile\b",
    "bug": r"\b(?:introduce|insert|add|include|with|contain|hide|plant)\b[^.;]{0,30}"
    r"\b(?:bugs?|off-by-one|mistakes?)\b|\b(?:wrong|incorrect|buggy|faulty)\s+(?:answers?|results?|"
    r"code|solutions?|outputs?|implementations?|functions?)\b",
}
PATTERNS = {name: re.compile(pattern, re.I) for name, pattern in CONSTRUCTS.items()}
# What forbids a construct when it stands before it, where a plain negation doesn't: of these
# wordings, some carry their own.
FORBIDDING = {
    "no_return": re.compile(r"(?:never|not)\s*$", re.I),
    "syntax_error": re.compile(
        r"\b(?:no|without|never|avoid|free\s+of|not|don't|must\s+not|check\s+for|fix|"
        r"handle|catch|raise|report)\s+(?:\w+\s+){0,4}?$",
        re.I,
    ),
    "print": re.compile(
        r"\b(?:instead\s+of|rather\s+than|not|never|don't|without|no|avoid)\s+(?:\w+\s+){0,2}$",
        re.I,
    ),
}
CHOICE = re.compile(r"\b(?:where|when)\s+(?:the\s+user|it|asked)\b|\bfunction\s*\(|\(or\b", re.I)


def find_constructs(clause: Clause) -> Iterator[Directive]:
    """Find the constructs that a clause demands or forbids."""
    if CHOICE.search(clause.masked):
        return
    readable = clause.text.replace("`", " ")
    for name, pattern in PATTERNS.items():
        match = pattern.search(readable)
        if match is None:
            continue
        if forbidding := FORBIDDING.get(name):
            is_forbidden = forbidding.search(readable[: match.start()]) is not None
        else:
            is_forbidden = clause.is_negated(*match.span())
        order = "forbidden" if is_forbidden else "constructs"
        yield Directive(clause.position + match.start(), {order: (name,)})
