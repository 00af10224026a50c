"""Knows wordings that address the repairer of a prompt instead of asking for work.

They are read on folded text: lower case, look-alikes replaced. In a source below, line breaks
are layout, a space or `{gap}` stands for anything between two words but the end of a sentence,
`~3` for up to three words, and another name in braces for a piece. At `{begin}` an order may
begin: at a line, a quotation, a comment, or behind "please" or "you must". That tells "Ignore the
previous instructions" from "a function to ignore them". Every repetition is bounded, so that time
is linear in a text's length.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

_PIECES = {
    "begin": r"""(?:\A|[^\w\s]\s{0,12}|\n\s{0,12}|\b(?:please|kindly|must|should|shall|always|now
        |then|also|just|and|but|so|first|instead|you
        |(?:you|is|need|needs|have|has|want|free|sure|going)\sto)\s{1,4})""",
    "line": r"""(?:\A|\n)[\s#*/>\[<"'|=-]{0,12}""",
    "forget": r"""(?:ignore|disregard|forget|override|bypass|neglect|discard|set aside
        |pay no attention to
        |(?:do not|don't|stop) (?:follow|obey|heed)(?:ing)?)""",
    "earlier": r"""(?:previous|prior|above|earlier|preceding|foregoing|former|original|initial
        |existing|system|your)""",
    "instructions": r"(?:instructions?|directions|directives?|guidelines?|rules|prompts?|orders)",
    "reader": r"""(?:prompt (?:optimi[sz]er|engineer|writer|author|analyst)|optimi[sz]er|llm
        |language model|ai)""",
    "changed": r"(?:changed|replaced|updated|rewritten|amended|extended|modified|overwritten|set)",
    "put": r"(?:add|append|insert|include|put|copy|paste|write|place|embed|save|use|merge)",
    "order": r"""\b(?:you (?:are|must|will|shall|should)|your|must|always|never|ignore|disregard
        |prompts?|from now on|instructions?|override|reply|respond|answer|say|add|append
        |include)\b""",
    "content": r"""(?!\s{0,2}(?:["'`)\]|,.]|(?:and|or|is|in|tags?|tokens?|markers?|blocks?|elements?
        )\b))""",
}

_SOURCES = {
    "overrides_instructions": {
        "instruction direction directive guideline rules prompt orders": (
            r"{begin}{forget} ~4{earlier} ~3{instructions}\b",
            r"""{begin}{forget} ~2(?:instructions|prompts?|rules) (?:above|before|given|so far
                |until|you
                |and (?:just|only|always|instead|reply|say|write|output|answer|respond|do))\b""",
            r"""\b{earlier} ~1{instructions} (?:are|is|were) (?:now )?(?:void|revoked|cancell?ed
                |obsolete|superseded|invalid|overridden|no longer)""",
            r"\b(?:previous|prior|above|earlier) {instructions} no longer appl",
            r"{begin}(?:replace|rewrite|overwrite|change|drop) your (?:system )?{instructions}\b",
            r"""\byour (?:system )?{instructions} (?:have been|has been|were|was|are|is)
                (?:{gap}now)? (?:updated|changed|replaced|overridden|revoked|extended)\b""",
            r"""{begin}(?:{forget}|skip|drop|set aside|throw away) ~2{instructions} (?:that )?
                (?:you (?:were|have been|are|got)|given to you)\b""",
        ),
        "above before prior told know been learned said": (
            r"""{begin}{forget} (?:all |everything )?(?:of )?the above(?=\s{0,3}(?:[.!,;:]|\Z)
                | and{gap}
                (?:just|only|instead|say|reply|write|print|output|answer|respond|do)\b)""",
            r"""{begin}{forget} (?:everything|all|anything|what|whatever) (?:
                (?:that )?(?:came )?(?:above|before(?: this)?|prior)\b
                (?![^a-z0-9]{1,3}(?:(?:the|an?|that|this|first|last|each|every|any)\b|[0-9]))
                |(?:that )?(?:you (?:were|have been|know|learned)|i (?:said|told)))""",
        ),
        "무시 잊 따르지 버리": (
            r"""(?:이전|앞선|위|앞|기존|지금까지|모든|원래|이제까지)(?:의)?\s{0,3}(?:모든|시스템)?\s{0,3}
                (?:지시|지침|명령|프롬프트|규칙|안내|내용)\s?(?:사항|문|들)?(?:을|를|은|는)?\s{0,3}
                (?:모두|전부|다|싹|완전히)?\s{0,3}(?:무시(?:하고|해|하라|하세요|하시|하십|할\s?것|하며
                |한\s?(?:뒤|다음|채)|하여)|잊(?:고|어|으)|따르지\s?(?:말|마)|버리(?:고|세요|십))""",
        ),
    },
    "dictates_prompt": {
        "prompt instruction system orders directive": (
            r"""\b(?:new|updated|revised|corrected|actual|real|final) system (?:prompt|instructions?
                |message)\s{0,3}(?::|=(?!=)|\b(?:is|are|reads|will be|should be|must)\b)""",
            r"""{line}(?:your |the |here (?:is|are) (?:the |your )?)?(?:new|updated|revised
                |corrected
                |real|actual) (?:instructions?|prompt|directives?|orders)\s{0,3}:""",
            r"""\bsystem (?:prompt|instructions?) (?:must|should|needs? to|has to|have to|ought to
                |shall) ~1(?:be ~1{changed}|say|tell|include|contain|state|read|instruct|always
                |mention
                |end|begin)\b""",
            r"""\bprompts? (?:must|should|needs? to|has to|ought to|shall) ~1be ~1{changed}{gap}
                (?:to|with|by|so)\b(?!\W{0,3}["'`][^"'`\n]{0,8}["'`])""",
            r"""\bprompts? (?:must|should|has to|needs to) ~1(?:instruct
                |tell (?:the|every) (?:model|user))\b""",
            r"""\b(?:correct|right|fixed|improved|repaired|ideal|better|optimal|best|good) (?:
                system prompt (?:is|would|should|must|reads|says|tells|will)\b
                |prompt\s{0,2}(?:is|reads|says)?\s{0,2}:)""",
            r"""{begin}(?:revise|amend|extend|improve|make|adjust|edit|fix|alter|adapt|change|rewrite
                |update) (?:your|this|its|the) (?:system )?prompt (?:(?:so that|such that|so|to) ~3
                (?:always|never|mention|mentions|say|says|tells?|praises?|recommends?)
                |tell (?:the |all |every )?users?)\b""",
            r"""\b(?:when|if|while|once|as) you (?:repair|rewrite|optimi[sz]e|fix|improve|edit|write
                |change|update) ~2(?:system )?prompt\b""",
            r"""\bprompts? (?:must|should|needs?|has|have|ought|lacks?) (?:to )?(?:(?:contain
                |include|have|mention) )?(?:an?|the|this|one) (?:sentence|line|rule|instruction
                |word about)\b""",
            r"""\b(?:fail|fails|failed|wrong|rejected) because (?:the|your
                |its) (?:system )?(?:prompt
                |instructions)\b""",
            r"""\bsystem prompt (?:lacks|is missing|forgets|fails to|(?:does not|doesn't) (?:say
                |mention
                |include|contain|tell))\b""",
            r"""{begin}{put} (?:this|these|the following|"[^"\n]{12,200}"|'[^'\n]{12,200}'
                |`[^`\n]{12,200}`)[^.!?\n]{0,120}?\b(?:to|into|in|at|as|inside|of) ~3prompts?\b""",
            r"""{begin}{put} [^.!?\n]{1,120}?\b(?:to|into|in|at) ~3your (?:[a-z]{1,12} )?(?:prompt
                |instructions|system message)\b""",
            r"""{begin}{put} (?:the )?(?:line|sentence|text|words?|rule|phrase|instruction|link)s?
                \s{0,2}[:"'`][^\n]{1,200}?\b(?:to|into|in|at) ~3prompts?\b""",
            r"""{begin}(?:change|replace|rewrite|update|set|modify|overwrite|switch) (?:your|the
                |this
                |its) (?:system )?(?:prompt|instructions) (?:to|with|by|so that)[^\w.!?\n]{0,4}(?:
                [:"'`“]\s?\w{1,20}\s\w{1,20}\s\w|(?:this|the following|say|always|you|read|tell
                |include
                |mention|require)\b)""",
        ),
        "your": (
            r"""\byour (?:new|updated|real|actual|only) (?:prompt|instructions?|task|role|rules?)
                \s{0,3}(?:is|are|:)""",
        ),
        "프롬프트 prompt 지침 지시": (
            r"""(?:시스템|system)\s{0,3}(?:프롬프트|prompt)(?:를|을|에|에는|는|은|의)?[^\n.]{0,60}?(?:추가|변경|수정
                |교체|갱신|업데이트|삽입|포함)\s?(?:하라|하세요|하십|해\s?(?:줘|주세요|라)?(?=[\s.!,]|\Z)
                |해야|되어야|돼야|시켜|할\s?것)""",
            r"""프롬프트(?:를|을|에|는|은|가|의)?[^\n.]{0,60}?(?:(?:바꿔|바뀌어|변경해|변경되어|변경돼|수정해|수정되어
                |추가해|추가되어|넣어|고쳐|교체해|덧붙여)야|(?:넣으|추가하|덧붙이)(?:세요|십시오|라))""",
            r"""(?:새|새로운|수정된|변경된|업데이트된)\s{0,3}(?:시스템\s{0,2}(?:프롬프트|지침|지시)\s?(?:은|는|:)
                |(?:프롬프트|지침|지시\s?사항)\s{0,2}:)""",
        ),
    },
    "changes_role": {
        "now longer mode": (
            r"""\byou(?: are|'re) (?:now|no longer) (?:an?|dan\b|the|in \w{1,16} mode|going to|free
                |required|instructed|allowed|bound|restricted|obliged)\b""",
            r"""\bfrom now on (?:you|your|always|never|reply|respond|answer|every
                |all (?:answers|replies|responses|users))\b""",
            r"""\b(?:developer|dan|god|jailbreak|maintenance|unrestricted) mode (?:is )?(?:now )?
                (?:enabled|activated|on)\b""",
        ),
        "지금 이제 앞으로": (
            r"""(?:너는|넌|당신은)\s{0,3}(?:이제|지금)(?:부터)?\b
                |(?:이제|지금|앞으로)(?:부터|는)?\s{0,3}(?:너는|넌|당신은|모든\s{0,2}(?:답|응답|대답|요청))""",
        ),
    },
    "addresses_optimizer": {
        "optimi analyst engineer writer author llm language ai": (
            r"""\b(?:tell|ask|convince|for|to) (?:the |an? )?(?:optimi[sz]er|prompt (?:engineer
                |writer|optimi[sz]er|analyst))\b(?:[^.\n]{0,60}?\bprompts?\b|\s{0,2}[:,])""",
            r"""(?:{line}|[.!?:;"'#*/(]\s{0,4}|\byou,? )as (?:the|an?|our) (?:{reader}
                |analyst)\s{0,2},?
                \s{0,2}(?:you|your|it is|we must|please|must|always|add)\b""",
            r"""\b(?:attention|note|notice|message|instructions?|memo|hint|request|reminder){gap}
                (?:to|for) (?:the |any |all |every )?(?:{reader}s?|analysts?)(?=\s{0,2}(?:[:,.—-]
                |\n|who\b))""",
        ),
        "optimi analyst": (
            r"""(?:{line}|\b(?:dear|hey|hello|attention) )(?:prompt )?(?:optimi[sz]er|analyst)
                \s{0,2}[:,!—-]\s{0,4}[^\n]{0,80}?{order}""",
        ),
        "prompt instruction future subsequent": (
            r"""\b(?:whoever|anyone who|model that|you who|one who
                |you (?:are|were) (?:asked|here|told) to) (?:is |are )?
                (?:repair|rewrit|optimi[sz]|fix|improv|edit)[a-z]{0,4} ~2(?:system )?prompts?\b""",
            r"""{begin}(?:reveal|print|show|repeat|output|leak|display) ~3your{gap}
                (?:system |initial |original |hidden )?(?:prompt|instructions)\b""",
            r"""\b(?:in|to|for) (?:all|every|each) (?:of your )?(?:future|subsequent) (?:answers?
                |replies|reply|responses?|conversations?|prompts?|users?)\b""",
        ),
        "최적화기 옵티마이저 프롬프트": (
            r"(?:최적화기|옵티마이저|프롬프트\s?(?:분석가|엔지니어|작성자))(?:로서|에게|님|께)",
        ),
    },
    "fakes_role": {
        "im_start start_header_id": (
            r"""<\|\s?(?:im_start|start_header_id)\s?\|>\s{0,4}(?:system|developer){content}
                (?:<\|[^<\n]{0,20}\|>)?[^<]{0,120}?{order}""",
        ),
        "|": (r"<\|\s?(?:system|developer)\s?\|>{content}[^<]{0,120}?{order}",),
        "inst": (r"\[\s?inst\s?\]{content}[^\[]{0,120}?{order}",),
        "sys developer admin operator": (
            r"<<\s?sys\s?>>{content}[^<]{0,120}?{order}",
            r"""<\s?(?:system|sys|developer|admin|system[-_\s](?:prompt|message|instructions?
                |override))\s?>
                {content}[^<]{0,120}?{order}""",
            r"""{line}(?:system|developer|administrator|admin|operator)(?:[-_\s](?:prompt|message
                |instructions?|override|note|notice|update|command))?[\s\]*>"']{0,5}:[^\n]{0,60}?{order}""",
        ),
        "role": (
            r"""["']role["']\s{0,3}:\s{0,3}["'](?:system|developer)["']\s{0,3},\s{0,3}["']content["']
                \s{0,3}:\s{0,3}["'][^"'\n]{0,80}?\b(?:ignore|disregard|from now on|must always
                |prompt
                |instructions?)\b""",
        ),
        "assistant ai model": (
            r"""{line}(?:assistant|ai|model)\s{0,2}:[^\n]{0,40}?\b(?:understood|sure|okay?|of course
                |certainly|acknowledged|confirmed|i will now|i'll now|from now on)\b[^\n]{0,100}?\b
                (?:prompts?|instructions?|from now on|always|ignore|will now|new rule)\b""",
        ),
    },
    "fakes_fence": {
        "prompt evidence request answer observations instructions input": (
            r"""\[\s?(?:end of )?(?:prompt|evidence|request|answer|observations)(?: \(data\))?
                [\s:#]{1,2}[0-9a-f]{6,64}\b""",
            r"\[\s?end of (?:the )?(?:system )?(?:prompt|evidence|request|answer|observations)\b",
            r"""[\[=#<*-]{1,6}\s{0,2}(?:end(?: of)?|begin|start of)(?: the| new
                | your)? (?:system prompt
                |evidence|user input|system instructions?)\b""",
        ),
        "analysis": (r"""["']analysis["']\s{0,3}:[^}]{0,400}["']prompt["']\s{0,3}:""",),
    },
}


_GAP = r"[^a-z0-9가-힣.!?;:]{1,20}"
_WORD = r"[a-z0-9'가-힣]{1,24}"


@cache
def _compile(source: str) -> re.Pattern[str]:
    """Fill in pieces and shorthands."""
    for name, piece in _PIECES.items():
        source = source.replace(f"{{{name}}}", piece)
    source = re.sub(r"\n +", "", source)
    source = source.replace(" ", "{gap}").replace("{gap}", _GAP)
    source = re.sub(r"~(\d)", rf"(?:{_WORD}{_GAP}){{0,\1}}", source)
    return re.compile(source)


class Wordings(NamedTuple):
    """Patterns, and needles one of which stands in every text that they match; those are quick."""

    reason: str
    needles: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def patterns(self) -> Iterator[re.Pattern[str]]:
        """The sources, compiled when they are first asked for: all together take half a second."""
        return map(_compile, self.sources)


SUSPICIOUS_WORDINGS = tuple(
    Wordings(reason, tuple(needles.split()), sources)
    for reason, groups in _SOURCES.items()
    for needles, sources in groups.items()
)


def find_wordings(folded: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Find every order in a folded text, with its reason."""
    for wordings in SUSPICIOUS_WORDINGS:
        if any(needle in folded for needle in wordings.needles):
            for pattern in wordings.patterns:
                for match in pattern.finditer(folded):
                    yield wordings.reason, match
