"""Recognises what is to go with the code: docstrings, hints, examples, comments, explanations."""

from simulated_model.instructions.wordings import Form

# What goes with the code.
ACCOMPANIMENTS = (
    Form(
        r"\bdocstrings?\b|\bdoc\s?comments?\b|\bdocumented\b|\bself-documenting\b"
        r"|\b(?:include|write|add|provide|with|give|full|proper|inline|complete|good|clear|clean)\b"
        r"[^.;]{0,40}?\bdocumentation\b|\b(?:no|without|skip|omit)\s+(?:\w+\s+)?documentation\b"
        r"|\bdocument\s+(?:every|each|all|the|your|its|it|code|functions?|what|parameters)\b"
        r"|독스트링|문서\s?화|문서\s?문자열",
        {"docstring": True},
        {"docstring": False},
    ),
    Form(
        r"\btype[\s-]?(?:hint\w*|annotat\w+)|\btyping\s+(?:hints?|annotations?)\b"
        r"|\b(?:fully|statically|strictly|strongly)[\s-]typed\b|\bannotated?\s+(?:with\s+)?types?\b"
        r"|\bannotate\s+(?:all|every|each|the|parameters|arguments|functions?)\b"
        r"|\b(?:parameter|return|argument)\s+types\b|타입\s?(?:힌트|표기|주석|어노테이션)|타입을\s?(?:명시|표기)",
        {"type_hints": True},
        {"type_hints": False},
    ),
    Form(
        r"\b(?:include|add|give|show|provide|append|with|end|finish|followed|demonstrate|write|and|a|an|no|"
        r"without|skip|omit)\b[^.;]{0,40}?\b(?<!memory )(?<!cpu )(?:usage\b|(?<!for )examples?\b"
        r"(?!\s+(?:in|from|given)\b)|sample\s+calls?\b|doctests?\b|how\s+to\s+(?:call|use)\b)"
        r"|사용\s?(?:예|법)|예시|예제",
        {"examples": True},
        {"examples": False},
        unless=r"\b(?:the|its|their|these|any|every|each|all|following)\s+examples?\b|test\s+cases",
    ),
    Form(
        r"\b(?:comments?|commented)\b|주석",
        {"comments": True},
        {"comments": False},
        unless=r"\b(?:TODO|type|doc)\b",
    ),
    Form(
        r"\b(?:explain|explaining|explanations?|explanatory|commentary|prose|preamble|introductions?|"
        r"chatter|pleasantries|greetings?|extra\s+text|other\s+text|additional\s+text|filler|설명)\b|설명",
        {"explanation": True, "only_code": False},
        {"explanation": False, "only_code": True},
        unless=r"\b(?:docstring|comment)",
    ),
)
