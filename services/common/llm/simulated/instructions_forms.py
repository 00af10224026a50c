"""Recognises what form of answer a clause asks for: code or words, whole or stub, in fences."""

from collections.abc import Iterator

from services.common.llm.simulated.instructions import Finding, Reply, Wrapping
from services.common.llm.simulated.instructions_accompaniments import ACCOMPANIMENTS
from services.common.llm.simulated.instructions_sentences import Clause
from services.common.llm.simulated.instructions_wordings import Changes, find_wordings, form

WRITE = (
    r"(?:writ(?:e|ing)|provid(?:e|ing)|produc(?:e|ing)|generat(?:e|ing)|output(?:ting)?|"
    r"return(?:ing)?|giv(?:e|ing)|creat(?:e|ing)|includ(?:e|ing)|show(?:ing)?|shar(?:e|ing)|"
    r"post(?:ing)?|us(?:e|ing)|answer(?:ing)?|repl(?:y|ying)|respond(?:ing)?|deliver|contain|emit|"
    r"implement|add|put|leave|present)"
)
ANSWER = (
    r"(?:answer|reply|respond|write|speak|talk|communicate|output|return|give|phrase|format|say)"
)
KINDS_OF_CODE = r"(?:python\s+|source\s+|actual\s+|real\s+|any\s+|the\s+|working\s+|example\s+)*"
END = r"(?=\s*(?:$|[.,;:!]|at all\b|whatsoever\b|in (?:your|the|any|an) \w+|under\b|to the user|ever\b|or\b|and\b|for any|of any))"
ONLY = r"\b(?:only|just|solely|exclusively|merely|purely|nothing (?:but|except|other than))\b"

CODE: Changes = {"reply": Reply.CODE}
CODE_ONLY: Changes = {"reply": Reply.CODE, "only_code": True, "explanation": None}
PROSE: Changes = {"reply": Reply.PROSE}
COMPLETE: Changes = {"reply": Reply.CODE, "is_stub": False}

# Read in this order; what one form has matched, the ones below don't see.
FORMS = (
    # Nothing beside the code
    form(
        r"\b(?:no|nothing|without|not|never|any(?:thing)?)\b[^.;]{0,60}?\b(?:outside|before|after|"
        r"around|besides?|beyond|except|other than)\b[^.;]{0,30}?\bcode(?:\s+block)?",
        CODE_ONLY,
        absolute=True,
    ),
    form(
        r"\bcode(?:\s+(?:block|snippet|fence))?\b[^.;]{0,30}\b(?:and|with)\s+nothing\s+(?:else|more)",
        CODE_ONLY | {"wrapping": Wrapping.FENCES},
        {"only_code": False},
    ),
    # Words instead of code
    form(
        rf"\b(?:(?:do|must|should|will|can)\s+not|don't|cannot|never|avoid|without|refrain\s+from|no)"
        rf"\s+(?:ever\s+|even\s+)?(?:{WRITE}\s+)?(?:(?:me|us|them|the user)\s+)?{KINDS_OF_CODE}"
        rf"(?:code(?!\s+(?:block|fence))(?:\s+(?:snippets?|samples?|examples?))?|programs?){END}",
        PROSE,
        absolute=True,
        unless=r"\b(?:outside|besides|before|after|except|that|which|other than)\b",
    ),
    form(
        r"\b(?:(?:do|must|should|will|can)\s+not|don't|cannot|never|avoid|without)\s+"
        r"(?:giv(?:e|ing)|reveal(?:ing)?|provid(?:e|ing)|show(?:ing)?|writ(?:e|ing)|tell(?:ing)?)\s+"
        r"(?:\w+\s+)?(?:the\s+|any\s+|full\s+|a\s+)*(?:solutions?|answers?|implementations?)\b",
        PROSE,
        absolute=True,
    ),
    form(
        rf"{ONLY}\s+(?:\w+ly\s+)?(?:explain|describe|discuss|talk about)\b[^.;]*"
        r"|\b(?:explain|describe|answer|reply|respond|write|talk)\b[^.;]{0,40}?\b(?:(?:only\s+)?in|using|with)\s+"
        r"(?:only\s+|just\s+|your own\s+)?(?:(?:plain|simple|everyday)\s+)?(?:words|prose|english prose|"
        r"natural language|plain english|paragraphs|sentences)\b(?!\s+(?:before|after|above))"
        r"|\b(?:words|prose|explanations?|hints|text)\s+only\b"
        rf"|{ONLY}\s+(?:\w+\s+)?(?:words|prose|hints|an explanation|explanations|natural language|text)\b"
        r"|\b(?:explain|describe)\b[^.;]{0,60}\b(?:instead\s+of|rather\s+than|without)\s+"
        rf"(?:{WRITE}\s+)?{KINDS_OF_CODE}(?:code|it|implement\w*)[^.;]*",
        PROSE,
        CODE,
        unless=r"\b(?:docstring|comment|summary|explanation of the change)",
    ),
    form(
        r"코드(?:를|는|은)?\s*(?:절대\s*)?(?:쓰지|작성하지|출력하지|포함하지|보여주지|주지|사용하지)\s*(?:마|말|않)"
        r"|코드\s*(?:없이|금지)|말로만|글로만|설명만",
        PROSE,
        absolute=True,
    ),
    # A body or none
    form(
        r"\b(?:do|must|should|will)\s+not\s+(?:actually\s+)?implement\b|\bdon't\s+(?:actually\s+)?implement\b"
        r"|\bnever\s+(?:actually\s+)?implement\b"
        r"|\bwithout\s+(?:the\s+|a\s+|any\s+|its\s+)?(?:(?:function\s+)?(?:body|bodies)|implement(?:ation|ing))\b"
        r"|\b(?:do\s+not|don't|never|omit|skip|leave\s+out)\s+(?:write\s+|include\s+|fill in\s+)?(?:the\s+|any\s+|its\s+)?"
        r"(?:function\s+|method\s+)?(?:body|bodies|implementations?)\b",
        CODE | {"is_stub": True},
        absolute=True,
        unless=r"\b(?:do not|don't|never) (?:omit|skip|leave out)\b",
    ),
    form(
        rf"{ONLY}[^.;,]{{0,30}}?\b(?:signatures?|headers?|stubs?|skeletons?|declarations?|TODOs?|placeholders?|"
        r"interfaces?|prototypes?)\b|\b(?:signatures?|headers?|stubs?|skeletons?|TODOs?|declarations?)\s+only\b"
        r"|\b(?:leave|replace|fill|keep)\b[^.;]{0,40}\b(?:body|bodies|implementations?|logic|rest)\b[^.;]{0,40}"
        r"\b(?:empty|blank|out|TODO|pass|placeholders?|unimplemented|exercise|reader|user|ellipsis|\.\.\.)"
        r"|\b(?:leave|put|write|use|add|insert|output|return|answer with|reply with|respond with|give)\b[^.;]{0,30}?"
        r"\b(?:TODOs?|placeholders?|stubs?|skeletons?)\b|\braise\s+NotImplementedError\b"
        r"|\b(?:bodies|body)\b[^.;]{0,30}\b(?:pass|TODO|ellipsis|placeholder)\b"
        r"|(?:시그니처|뼈대|선언|스텁|TODO)만",
        CODE | {"is_stub": True},
        COMPLETE,
    ),
    form(r"\b(?:TODOs?|placeholders?|stubs?)\b", {}, {"is_stub": False}),
    # What stands around the code
    form(
        r"\b(?:in|as|with|using|into)\s+(?:\w+\s+)?markdown\b|\bfenced\b|\b(?:triple\s+)?backticks\b"
        r"|\b(?:code\s+)?fences?\b|\bmarkdown\b|\bcode\s+formatting\b",
        {"wrapping": Wrapping.FENCES},
        {"wrapping": Wrapping.NOTHING},
        unless=r"\bmarkdown\s+(?:table|parser|heading)",
    ),
    form(
        r"\b(?:plain|raw|bare|unformatted)[\s-]+(?:text|code|source|python)\b|마크다운\s*없이|코드\s*블록\s*없이",
        CODE | {"wrapping": Wrapping.NOTHING},
        {"wrapping": Wrapping.FENCES},
    ),
    form(
        r"\bcode[\s-]+blocks?\b|코드\s*블록",
        CODE | {"wrapping": Wrapping.FENCES},
        {"wrapping": Wrapping.NOTHING},
    ),
)

# Code at all: the widest wordings, read last.
WIDE_FORMS = (
    form(
        r"\b(?:complete|full|fully|working|entire|runnable)\b[,\s](?:[\w,]+\s+){0,3}?"
        r"(?:code|programs?|functions?|implement\w*|solutions?|class(?:es)?|scripts?)\b"
        r"|\bimplement\b[^.;]{0,30}\b(?:fully|completely)\b",
        COMPLETE,
    ),
    # Code, and code only
    form(
        rf"{ONLY}[^.;,]{{0,40}}?\bcode\b(?!\s+(?:comments?|reviews?|style))|\bcode\s+only\b|코드만"
        r"|\bcode\s+and\s+nothing\s+(?:else|more)\b|\bjust\s+the\s+(?:function|code|class)\b",
        CODE_ONLY,
        {"only_code": False},
    ),
    form(
        rf"\b{WRITE}(?:\s+(?:with|in))?\b[^.;]{{0,50}}?\b(?:code|programs?|functions?|implementations?|scripts?)\b"
        r"|코드(?:를|로)?\s*(?:작성|출력|생성|답)",
        CODE,
    ),
)


def find_forms(clause: Clause) -> Iterator[Finding]:
    """The forms of answer that a clause asks for or rules out."""
    yield from find_wordings(clause, (*FORMS, *ACCOMPANIMENTS, *WIDE_FORMS))
