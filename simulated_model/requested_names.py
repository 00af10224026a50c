"""Reads the name that a request fixes for its function or class."""

import builtins
import keyword
import re

IDENTIFIER = r"([^\W\d]\w*)"
QUOTE = r"[`'\"\u2018\u201c]?"

# Each captures the name.
DEFINITION = re.compile(
    rf"\b(?:def|function\*?)\s+{QUOTE}{IDENTIFIER}\s*\(|\bclass\s+([A-Z]\w*)\s*[:({{]"
)
NAMED = re.compile(
    r"\b(?:function|method|class|decorator|generator|procedure|routine)\s+"
    rf"(?:should\s+be\s+|must\s+be\s+|is\s+|to\s+be\s+)?(?:called|named|name\s*:)\s*{QUOTE}{IDENTIFIER}"
    rf"|\b(?:call|name)\s+(?:it|the\s+(?:function|class|method))\s+(?!named|called){QUOTE}{IDENTIFIER}"
    rf"|\b(?:function|class|method)(?:'s)?\s+name\s*(?::|=|is|should\s+be|must\s+be)\s*{QUOTE}{IDENTIFIER}"
    rf"|(?:이름은|이름이|함수명은|함수명:|함수\s*이름:)\s*{QUOTE}([A-Za-z_]\w*)"
    r"|(?<![A-Za-z0-9_])([A-Za-z_][A-Za-z0-9_]*)(?:이라는|라는)\s*(?:이름의\s*)?(?:함수|클래스|메서드)",
    re.I,
)
QUOTED_KIND = re.compile(
    rf"\b(?:function|method|class|decorator|generator)\s+`{IDENTIFIER}`"
    rf"|`{IDENTIFIER}(?:\([^`\n]{{0,200}}\))?`\s*(?:라는|이라는|함수|클래스|메서드)"
    rf"|`{IDENTIFIER}(?:\([^`\n]{{0,200}}\))?`\s+(?:function|class|method|decorator)\b"
    r"|\b(?:write|implement|create|define)\s+([A-Za-z_]\w*)\(",
    re.I,
)
CALLED = re.compile(rf"\b(?:called|named)\s+(?:`{IDENTIFIER}|{IDENTIFIER}\s*\()")
QUOTED_CALL = re.compile(rf"`{IDENTIFIER}\(")
SHOWN_CALL = re.compile(
    rf"(?:^|>>>|[\s(`'\"]){IDENTIFIER}\([^\n]{{0,200}}?\)`?\s*"
    r"(?:={2,3}|[-=]{1,2}>|→|➞|returns?\b|should\s+(?:return|give|be)\b|gives\b|yields\b|는|은|의)"
    rf"|>>>[ \t]*{IDENTIFIER}\(",
    re.M,
)
NEEDED_CALL = re.compile(rf"\b(?:need|want|have)\s+(?:a\s+function\s+)?`?{IDENTIFIER}\(", re.I)
KOREAN_KIND = re.compile(r"(?<![A-Za-z0-9_])([A-Za-z_][A-Za-z0-9_]*)\s*(?:함수|클래스|메서드)")
CLASS_NAME = re.compile(r"\b[Cc]lass\s+([A-Z][A-Za-z0-9]*[a-z]\w*)\b")
# In order of how plainly they say it.
READINGS = (
    DEFINITION, NAMED, QUOTED_KIND, CALLED, QUOTED_CALL, NEEDED_CALL, SHOWN_CALL, KOREAN_KIND,
    CLASS_NAME,
)  # fmt: skip

# "Without using `sorted(x)`" names what to avoid or to build on, not what to write.
MENTIONED_BEFORE = re.compile(
    r"\b(?:without|not|don't|no|avoid|avoiding|instead of|using|use|uses|via|like|unlike|"
    r"list|parameter|argument|variable|column|file|key|field|attribute)\b[^.\n]{0,24}$",
    re.I,
)
LOOK_BACK = 60
# "A function called when ..." says when it is called.
NOT_NAMES = frozenset(
    """a an the when with by once twice recursively repeatedly every each in on from as for and
    if after before only it on something anything whatever accordingly""".split()
)
LANGUAGE_NAMES = frozenset("python javascript typescript js java go rust lambda".split())
BUILTIN_NAMES = frozenset(dir(builtins))


def requested_name(request: str) -> str:
    """Read the name that a request fixes, as in "named `foo`" or "def foo("; empty if none."""
    for reading in READINGS:
        for match in reading.finditer(request):
            name = next(group for group in match.groups() if group)
            if _is_name(name) and not _is_mention(name, request, match):
                return name
    return ""


def _is_name(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name) and name.lower() not in NOT_NAMES


def _is_mention(name: str, request: str, match: re.Match[str]) -> bool:
    """Whether the name belongs to something else than what is to be written."""
    reading = match.re
    if reading is KOREAN_KIND:
        return name.lower() in LANGUAGE_NAMES
    if reading is SHOWN_CALL:
        return name in BUILTIN_NAMES
    if reading not in (CALLED, QUOTED_CALL):
        return False
    before = request[max(0, match.start() - LOOK_BACK) : match.start()]
    is_builtin_call = reading is QUOTED_CALL and name in BUILTIN_NAMES
    return is_builtin_call or MENTIONED_BEFORE.search(before) is not None
