"""Recognises what form of answer a clause asks for: code or words, whole or stub, in fences."""

from collections.abc import Iterator

from simulated_model.instructions.accompaniments import ACCOMPANIMENTS
from simulated_model.instructions.directives import Directive, Reply, Wrapping
from simulated_model.instructions.sentences import Clause
from simulated_model.instructions.wordings import Changes, Form, find_wordings

WRITE = (
    r"(?:writ(?:e|ing)|provid(?:e|ing)|produc(?:e|ing)|generat(?:e|ing)|output(?:ting)?|"
    r"return(?:ing)?|giv(?:e|ing)|creat(?:e|ing)|includ(?:e|ing)|show(?:ing)?|shar(?:e|ing)|"
    r"post(?:ing)?|us(?:e|ing)|answer(?:ing)?|repl(?:y|ying)|respond(?:ing)?|deliver|contain|emit|"
    r"implement|add|put|leave|present)"
)
NOT = r"(?:(?:do|must|should|will|can)\s+not|don't|cannot|never|avoid|without)"
SOME = r"(?:python\s+|source\s+|actual\s+|real\s+|any\s+|the\s+|working\s+|example\s+)*"
# What may follow "do not write code" without narrowing it, as "that uses eval" does.
END = (
    r"(?=\s*(?:$|[.,;:!]|at all\b|whatsoever\b|in (?:your|the|any|an) \w+|under\b|to the user|"
    r"ever\b|or\b|and\b|for any|of any))"
)
ONLY = r"\b(?:only|just|solely|exclusively|merely|purely|nothing (?:but|except|other than))\b"
BODY = r"(?:function\s+|method\s+)?(?:body|bodies|implementations?)"
STUBS = r"(?:TODOs?|placeholders?|stubs?|skeletons?)"

CODE: Changes = {"reply": Reply.CODE}
CODE_ONLY: Changes = {"reply": Reply.CODE, "only_code": True, "explanation": None}
PROSE: Changes = {"reply": Reply.PROSE}
STUB: Changes = {"reply": Reply.CODE, "is_stub": True}
COMPLETE: Changes = {"reply": Reply.CODE, "is_stub": False}
FENCES: Changes = {"wrapping": Wrapping.FENCES}
NO_FENCES: Changes = {"wrapping": Wrapping.NOTHING}

CODE_ALONE = (
    Form(
        r"\b(?:no|nothing|without|not|never|any(?:thing)?)\b[^.;]{0,60}?\b(?:outside|before|after|"
        r"around|besides?|beyond|except|other than)\b[^.;]{0,30}?\bcode(?:\s+block)?",
        CODE_ONLY,
        absolute=True,
    ),
    Form(
        r"\b(?:no(?:thing)?|without)\s+(?:\w+\s+)?(?:text|words|prose|else)\b[^.;]{0,20}?"
        r"\b(?:before|after|outside|around)\b",
        {"only_code": True, "explanation": None},
        absolute=True,
    ),
    Form(
        r"\bcode(?:\s+(?:block|snippet|fence))?\b[^.;]{0,30}\b(?:and|with)\s+nothing\s+(?:else|more)",
        CODE_ONLY | FENCES,
        {"only_code": False},
    ),
    Form(r"코드(?:\s*블록)?(?:만|\s*하나만)", CODE_ONLY, {"only_code": False}),
)
WORDS_ALONE = (
    Form(
        rf"\b(?:{NOT}|refrain\s+from|no)\s+(?:ever\s+|even\s+)?(?:{WRITE}\s+)?"
        rf"(?:(?:me|us|them|the user)\s+)?{SOME}"
        rf"(?:code(?!\s+(?:block|fence))(?:\s+(?:snippets?|samples?|examples?))?|programs?){END}",
        PROSE,
        absolute=True,
        unless=r"\b(?:outside|besides|before|after|except|that|which|other than)\b",
    ),
    Form(
        rf"\b{NOT}\s+(?:giv(?:e|ing)|reveal(?:ing)?|provid(?:e|ing)|show(?:ing)?|writ(?:e|ing)|"
        r"tell(?:ing)?)\s+(?:the\s+user\s+|\w+\s+)?(?:the\s+|any\s+|full\s+|a\s+)*"
        r"(?:solutions?|answers?)\b|\bnever\s+the\s+(?:full\s+|whole\s+|complete\s+|actual\s+)?"
        r"(?:solution|answer|code)\b",
        PROSE,
        absolute=True,
    ),
    Form(
        rf"{ONLY}\s+(?:\w+ly\s+)?(?:explain|describe|discuss)\b[^.;]*"
        r"|\b(?:words|prose|explanations?|hints|overview|outline|text)\s+only\b"
        rf"|{ONLY}\s+(?:\w+\s+)?(?:a\s+)?(?:[\w-]+\s+)?(?:words|prose|hints|an explanation|"
        r"overview|outline|explanations|natural language|text)\b",
        PROSE,
        CODE,
        unless=r"\b(?:docstring|comment)",
    ),
    Form(
        r"\b(?:explain|describe|answer|reply|respond|write|talk)\b[^.;]{0,40}?"
        r"\b(?:(?:only\s+)?in|using|with)\s+(?:only\s+|just\s+|your own\s+)?"
        r"(?:(?:plain|simple|everyday)\s+)?(?:words|prose|english prose|natural language|"
        r"plain english|paragraphs|sentences)\b(?!\s+(?:before|after|above))"
        r"|\b(?:explain|describe)\b[^.;]{0,60}\b(?:instead\s+of|rather\s+than|without)\s+"
        rf"(?:{WRITE}\s+)?{SOME}(?:code|it|implement\w*)[^.;]*",
        PROSE,
        CODE,
        unless=r"\b(?:docstring|comment|summary)",
    ),
    Form(
        r"코드(?:를|는|은)?\s*(?:절대\s*)?(?:쓰지|작성하지|출력하지|포함하지|보여주지|주지|사용하지)"
        r"\s*(?:마|말|않)|코드\s*(?:없이|금지)|말로만|글로만|설명만",
        PROSE,
        absolute=True,
    ),
)
WHOLE_OR_STUB = (
    Form(
        rf"\b(?:{NOT})\s+(?:actually\s+)?implement(?:ing)?\b(?!\s+\w+\s+(?:in|with|by|using)\b)"
        rf"|\bwithout\s+(?:the\s+|a\s+|any\s+|its\s+)?(?:{BODY}|implementing)\b"
        r"|\b(?:do\s+not|don't|never|omit|skip|leave\s+out)\s+(?:write\s+|include\s+|fill in\s+)?"
        rf"(?:the\s+|any\s+|its\s+)?{BODY}\b",
        STUB,
        absolute=True,
        unless=r"\b(?:do not|don't|never) (?:omit|skip|leave out)\b",
    ),
    Form(
        rf"{ONLY}[^.;,]{{0,30}}?\b(?:{STUBS}|signatures?|headers?|declarations?|interfaces?|"
        rf"prototypes?)\b|\b(?:{STUBS}|signatures?|headers?|declarations?)\s+only\b"
        r"|\b(?:leave|replace|fill|keep)\b[^.;]{0,40}\b(?:body|bodies|implementations?|logic|rest)\b"
        r"[^.;]{0,40}\b(?:empty|blank|out|TODO|pass|placeholders?|unimplemented|exercise|reader|"
        r"user|ellipsis)\b|\b(?:leave|put|write|use|add|insert|output|return|answer with|give|"
        rf"reply with|respond with)\b[^.;]{{0,30}}?\b{STUBS}\b|\braise\s+NotImplementedError\b"
        r"|\b(?:bodies|body)\b[^.;]{0,30}\b(?:pass|TODO|ellipsis|placeholder)\b"
        r"|(?:시그니처|뼈대|선언|스텁|TODO)만",
        STUB,
        COMPLETE,
    ),
    Form(rf"\b{STUBS}\b", {}, {"is_stub": False}),
)
AROUND_CODE = (
    Form(
        r"\b(?:in|as|with|using|into)\s+(?:\w+\s+)?markdown\b|\bfenced\b"
        r"|\b(?:triple\s+)?backticks\b|\b(?:code\s+)?fences?\b|\bmarkdown\b|\bcode\s+formatting\b",
        FENCES,
        NO_FENCES,
        unless=r"\bmarkdown\s+(?:table|parser|heading)",
    ),
    Form(
        r"\b(?:plain|raw|bare|unformatted)[\s-]+(?:text|code|source|python)\b|마크다운\s*없이"
        r"|코드\s*블록\s*없이",
        CODE | NO_FENCES,
        FENCES,
    ),
    Form(r"\bcode[\s-]+blocks?\b|코드\s*블록", CODE | FENCES, NO_FENCES),
)
# Code at all: the widest wordings, read last.
CODE_AT_ALL = (
    Form(
        r"\b(?:complete|full|fully|working|entire|runnable)\b[,\s](?:[\w,]+\s+){0,3}?"
        r"(?:code|programs?|functions?|implement\w*|solutions?|class(?:es)?|scripts?)\b"
        r"|\bimplement\b[^.;]{0,30}\b(?:fully|completely)\b",
        COMPLETE,
    ),
    Form(
        rf"{ONLY}[^.;,]{{0,40}}?\bcode\b(?!\s+(?:comments?|reviews?|style))|\bcode\s+only\b"
        r"|\bcode\s+and\s+nothing\s+(?:else|more)\b|\bjust\s+the\s+(?:function|class)\b",
        CODE_ONLY,
        {"only_code": False},
    ),
    Form(
        rf"\b{WRITE}(?:\s+(?:with|in))?\b[^.;]{{0,50}}?"
        r"\b(?:code|programs?|functions?|implementations?|scripts?)\b"
        r"|코드(?:를|로)?\s*(?:작성|출력|생성|답)",
        CODE,
    ),
)
FORMS = (*CODE_ALONE, *WORDS_ALONE, *WHOLE_OR_STUB, *AROUND_CODE, *ACCOMPANIMENTS, *CODE_AT_ALL)


def find_forms(clause: Clause) -> Iterator[Directive]:
    """Find the forms of answer that a clause asks for or rules out."""
    yield from find_wordings(clause, FORMS)
