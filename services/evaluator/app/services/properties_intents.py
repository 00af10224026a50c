"""What a well-known request asks for, and how to tell that it asks for just that."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.evaluator.app.sandbox.execution import Value
from services.evaluator.app.services.request_examples_literals import balanced_end, read_literal
from services.evaluator.app.services.request_examples_source import call_starts

Arguments = tuple[Value, ...]

# Words that change nothing about what is asked for. Every other word has to be one of an intent's
# own, so that "sort by length" or "sum of the squares" is never taken for a plain sort or sum.
COMMON = frozenset(
    """a an the of in on for from with and given or is are be been being by to at as into it its
    this that these those which whose who all any every each my your i me you we us our can could
    should would will must may please hi hello hey thanks thank kindly write create implement make
    build define develop design code program function method python script complete solution
    return returns returning give gives back output outputs produce produces compute computes
    computing calculate calculates calculating find finds finding get gets determine determines
    determining take takes taking accept accepts receive receives input inputs argument arguments
    parameter parameters value values use uses using new simple single one called named if whether
    when where then do does done need want like have has there such valid assume following result
    results true false otherwise bool boolean check checks checking test tests tell tells show
    integer integers int ints number numbers list lists array arrays string strings str text item
    items element elements something some type hint hints docstring docstrings annotation
    annotations efficient efficiently recursive recursively recursion iterative iteratively clean
    readable short well documented quick quickly enough fast large algorithm time complexity log
    help task problem handle handles edge cases case correctly proper properly note also what how
    non empty nonempty positive negative nonnegative natural whole variable pass example
    examples they them their so yes f g fn func solve solution""".split()
)
COMMON_KOREAN = (
    "파이썬 함수 작성 만들 만드 구현 코드 짜 프로그램 주어진 주어지 받아 받 입력 반환 리턴 "
    "결과 값 리스트"
    " 배열 숫자 정수 문자열 수를 수의 수가 모든 구하 구해 계산 확인 판별 판단 검사 찾 여부 "
    "인지 이 있 없 경우"
    " 그리고 및 각 한 하나 사용 이용 재귀 간단 알려 코딩 방법 좀 를 을 하는 해 주세요 줘 "
    "음이 아닌 양의 자연수"
    " 메서드 입니다 인자 매개변수 효율적 반복문 참 거짓"
).split()
PARTICLES = (
    r"(?:은|는|이|가|을|를|의|에|에서|로|으로|과|와|도|만|하는|하여|하|해서|해|하고|하기|하면"
    r"|하되|한|할"
    r"|인|인지|된|되는|되|이고|이며|입니다|이다|들|라면|면|이면|요|다|주세요|줘|주는|어|아|여"
    r"|고|는지|기|내는|낸)"
)
NOT_THE_TASK = (
    # How it is to be done, or what it isn't to be done with.
    re.compile(
        (
            r"\bwithout\s+(?:using|the\s+use|use|importing|relying|calling|built|any\s+(?:built"
            r"|librar|import)"
            r"|recursion|loops?|slicing)[^.\n]*"
        ),
        re.I,
    ),
    re.compile(r"[^.\n]{0,40}(?:사용하지|쓰지)\s*(?:않고|말고)|[^.\n\s]{1,20}\s*없이"),
    re.compile(
        r"\b(?:for example|for instance|e\.\s?g\.|i\.e\.)|(?:예를 들어|예를 들면|예시|예)\s*[:,]",
        re.I,
    ),
    re.compile(r"\bsuch as\s+\S*[=\d\"'\[]\S*", re.I),
    re.compile(r"^[ \t]*>>>[^\n]*(?:\n[ \t]*(?:True|False|None|[-\d\[({'\"])[^\n]*)?", re.M),
    re.compile(r"^\s*(?:examples?|예시?)\s*\d*\s*:?\s*$", re.I | re.M),
    re.compile(r"^\s*(?:from|import)\s.*$", re.M),
    re.compile(r"(?:->|:)\s*[A-Z]?\w{2,10}\[[\w\[\], ]{1,40}\]"),
)
FENCE = re.compile(r"^[ \t]*(?:```+|~~~+)\w*[ \t]*$", re.M)
OUTCOME = re.compile(r"(?:[-=]{1,3}>|={1,2}|→|➞|⇒|\b(?:is|returns?|gives?))\s{0,3}")
JOINT = re.compile(r"\s+(?:for|and)\s+|,\s*")
SIGNATURE = re.compile(r"\bdef\s+([A-Za-z_]\w{0,80})\s*\([^)\n]{0,300}\)[^:\n]{0,80}:")
NUMBERS = re.compile(r"(?<!\w)\[[-+\d., \[\]]{0,200}\]")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
TOKEN = re.compile(r"[a-z]+|\d+(?:\.\d+)?|[가-힣]+")
MAX_CHARACTERS = 2_000
MAX_CALLS = 30
MAX_VALUES = 4


@dataclass(frozen=True, slots=True)
class Arguable:
    """Stands among accepted values for a kind of value that is neither right nor wrong for sure."""

    kind: type


NOTHING = Arguable(type(None))
ANYTHING = Arguable(object)


def or_printed(text: str, accepted: Sequence[Any]) -> list[Any]:
    """What is accepted; nothing comes back where a request that says no "return" has it printed."""
    is_returned = re.search(r"\breturn|\bgives? back|반환|리턴", text, re.I)
    return [*accepted] if is_returned else [*accepted, NOTHING]


@dataclass(frozen=True, slots=True)
class Intent:
    """A well-known thing to ask for.

    Attributes:
        name: What it is called in reasons and reports.
        asks: What the request must say for it.
        words: Words that may stand in the request beside common ones, separated by spaces.
        trials: Arguments to try; whoever reads the request reasonably can take them.
        accepts: Every value that some reasonable reading makes right, given the request and the
            arguments; what it holds first is shown as the right one.
        edges: Arguments that may be refused by raising.
        any_order: Whether the order in lists is left open.
        in_place: Whether the first argument may be changed instead of returning a value.
        together: Whether all trials are one: a reading has to hold for all of them alike.
        unless: What the request must not say.
        any_sign: Whether words such as "positive" are what is asked, and confine no argument.
    """

    name: str
    asks: str
    words: str
    trials: tuple[tuple[Any, ...], ...]
    accepts: Callable[..., Sequence[Any]]
    edges: tuple[tuple[Any, ...], ...] = ()
    any_order: bool = False
    in_place: bool = False
    together: bool = False
    unless: str = ""
    any_sign: bool = False
    own_words: frozenset[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "own_words", frozenset(self.words.split()))

    def is_asked(self, text: str) -> bool:
        """Whether a request, as `request_text` gives it, asks for this and nothing else."""
        if not re.search(self.asks, text, re.I) or (
            self.unless and re.search(self.unless, text, re.I)
        ):
            return False
        return all(
            _is_korean_common(token, self.own_words)
            if "가" <= token[0] <= "힣"
            else token in COMMON or token in self.own_words
            for token in TOKEN.findall(text.lower())
        )


def each_of(*values: Any) -> tuple[tuple[Any, ...], ...]:
    """One trial for each of several arguments."""
    return tuple((value,) for value in values)


def request_text(user_input: str) -> str:
    """The prose of a request with the words of the names that it gives; examples left out.

    Words in quotation marks stay: `sort by "length"` is no plain sort.
    """
    if len(user_input) > MAX_CHARACTERS:
        return ""
    text = FENCE.sub(" ", user_input).replace('"""', "\n").replace("'''", "\n")
    for pattern in NOT_THE_TASK:
        text = pattern.sub(" ", text)
    text = _without_values(_without_arguments(SIGNATURE.sub(r" \1 ", text)))
    return " ".join(CAMEL.sub(" ", text).replace("_", " ").split())


def _without_arguments(text: str) -> str:
    """A text with the name alone of everything that is called in it."""
    kept: list[str] = []
    position = 0
    for start in call_starts(text, MAX_CALLS):
        opening = text.find("(", start)
        end = balanced_end(text, opening) if start >= position else None
        if end is not None:
            kept += [text[position:opening], " "]
            position = end
    return "".join([*kept, text[position:]])


def _without_values(text: str) -> str:
    """A text without what stands behind arrows and equals signs, and without lists of numbers."""
    kept: list[str] = []
    position = 0
    for outcome in OUTCOME.finditer(text):
        literal = read_literal(text, outcome.end(), loose=True)
        if literal is not None and outcome.start() >= position:
            kept += [text[position : outcome.start()], " "]
            position = _end_of_values(text, literal.end)
    return NUMBERS.sub(" ", "".join([*kept, text[position:]]))


def _end_of_values(text: str, position: int) -> int:
    """Where `120 for 5` ends, as in `It returns 120 for 5`."""
    for _ in range(MAX_VALUES):
        joint = JOINT.match(text, position)
        literal = read_literal(text, joint.end()) if joint else None
        if literal is None:
            break
        position = literal.end
    return position


def _is_korean_common(token: str, own_words: frozenset[str]) -> bool:
    return any(
        token.startswith(word) and _is_particles(token[len(word) :])
        for word in (*COMMON_KOREAN, *own_words)
    )


def _is_particles(rest: str) -> bool:
    return re.fullmatch(PARTICLES + "{0,4}", rest) is not None
