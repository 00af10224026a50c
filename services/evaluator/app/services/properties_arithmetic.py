"""What right answers to requests for a sum, a power or a test of numbers give."""

import math
from typing import Any

from services.evaluator.app.services.properties_intents import Intent, each_of

_SIGNS = {
    1: ("positive", "Positive", "+"),
    -1: ("negative", "Negative", "-"),
    0: ("zero", "Zero", "neither", ""),
}


def _with_pi(factor: float) -> list[Any]:
    """A multiple of pi, exact or with pi as people shorten it, rounded or not."""
    exact = [factor * pi for pi in (math.pi, 3.14, 3.1416, 3.14159, 22 / 7)]
    return [exact[0], *exact[1:], *(round(exact[0], digits) for digits in (0, 1, 2, 3, 4))]


def _spelled(word: str) -> list[Any]:
    """A word as a request may want it spelled."""
    return [
        form + ending
        for form in (word, word.title(), word.upper())
        for ending in ("", " triangle", " Triangle")
    ]


INTENTS = (
    Intent(
        "sum from 1 to n",
        (
            r"\b(?:sum|add)\b.{0,50}\b(?:from )?(?:1|one) (?:to|through|up to) n\b"
            r"|\bfirst n (?:natural|positive)"
            r"|1부터.{0,8}까지.{0,24}합"
        ),
        (
            "sum sums add range 1 one n through up first inclusive 1부터 까지 합 합을 이상 n n은 "
            "부터 n까지 더하 더한"
        ),
        each_of(5, 10, 1),
        lambda _text, n: [n * (n + 1) // 2],
        unless=r"square|cube|even|odd|제곱|짝수|홀수",
    ),
    Intent(
        "power",
        r"\bpower\b|\bexponent|\braised?\b|거듭제곱",
        "power raise raised raises base exponent exponentiation x n b 거듭제곱 밑 지수",
        ((2, 10), (3, 2), (5, 1)),
        lambda _text, base, exponent: [base**exponent],
        edges=((3, 0),),
        unless=r"power of (?:two|2|three|3|four)|\bset\b",
    ),
    Intent(
        "even test",
        r"\b(?:is|if|whether|check\w*)\b.{0,30}\beven\b|짝수\s*(?:인지|여부|판별)",
        "even not n 짝수 짝수인지",
        each_of(4, 7, 0, 10),
        lambda _text, number: [number % 2 == 0],
        unless=r"\bodd\b|\bnumbers\b|\bsum\b|\blist\b|홀수",
    ),
    Intent(
        "sum of two numbers",
        r"\b(?:add\w*|sums?)\b.{0,12}\btwo\b|두\s*(?:수|숫자|정수).{0,3}(?:합|더)",
        "add adds sum sums two together b 두 수 숫자 정수 더하 더해 합 합을 더한",
        ((2, 3), (-1, 5), (0, 7)),
        lambda _text, first, second: [first + second],
        unless=r"target|\blist\b|\barray\b|\bmatri|\bfractions?\b",
    ),
    Intent(
        "positive test",
        r"\b(?:is|if|when|whether)\b.{0,40}\b(?:positive|(?:greater|larger"
        r"|bigger) than (?:zero|0))\b"
        r"|양수\s*(?:인지|여부|판별)",
        "positive greater larger bigger than zero 0 n not 양수 양수인지 0 여부",
        each_of(5, -3, 0, 1),
        lambda _text, number: [number > 0],
        unless=r"\blists?\b|\bnumbers\b|\bintegers\b|\breturns? (?:n|it|its|the)\b"
        r"|\botherwise (?:0|zero)\b|\bnegative\b|\bpositive integer\b|\bequal\b",
        any_sign=True,
    ),
    Intent(
        "negative test",
        r"\b(?:is|if|when|whether)\b.{0,40}\b(?:negative|(?:less|smaller) than (?:zero|0)"
        r"|below zero)\b"
        r"|음수\s*(?:인지|여부|판별)",
        "negative less smaller below than zero 0 n not 음수 음수인지 여부",
        each_of(-5, 3, 0, -1),
        lambda _text, number: [number < 0],
        unless=r"\blists?\b|\bnumbers\b|\bintegers\b|\breturns? (?:n|it|its|the)\b"
        r"|\botherwise (?:0|zero)\b|\bpositive\b|\bnon-?\s?negative\b|\bequal\b",
        any_sign=True,
    ),
    Intent(
        "odd test",
        r"\b(?:is|if|whether|check\w*)\b.{0,30}\bodd\b|홀수\s*(?:인지|여부|판별)",
        "odd not n 홀수 홀수인지",
        each_of(3, 4, 0, 11),
        lambda _text, number: [number % 2 == 1],
        unless=r"\beven\b|\bnumbers\b|\bsum\b|\blist\b|\bintegers\b|짝수",
    ),
    Intent(
        "sign",
        r"\bsign of\b|\bsignum\b",
        "sign signum 1 0 zero minus negative positive n either depending",
        each_of(5, -3, 0),
        lambda _text, number: [(number > 0) - (number < 0), *_SIGNS[(number > 0) - (number < 0)]],
        unless=r"\blists?\b|\bproducts?\b|\bnumbers\b|\barray\b",
        any_sign=True,
    ),
    Intent(
        "absolute value",
        r"\babsolute value\b|절댓값|절대값",
        "absolute abs n x 절댓값 절대값",
        each_of(5, -3, 0),
        lambda _text, number: [abs(number)],
        unless=r"\blists?\b|\bnumbers\b|\bdifference\b|\bsort",
        any_sign=True,
    ),
    Intent(
        "absolute difference",
        r"\babsolute difference\b|차이의 절댓값",
        "absolute difference between two b a 두 수 차이 차이의 절댓값",
        ((3, 8), (8, 3), (-2, 2)),
        lambda _text, first, second: [abs(first - second)],
        unless=r"\blists?\b|\barray\b|\bdiagonal|\bsums?\b|\bdates?\b",
    ),
    Intent(
        "square of a number",
        r"\bsquares? of (?:a|the|an|its)?\b|\bsquares? (?:a|the|an)\b|\bsquare n\b"
        r"|제곱을\s*(?:반환|계산|구하)",
        "square squares squared n x 제곱 수 숫자",
        each_of(3, -4, 0),
        lambda _text, number: [number * number],
        unless=r"\blists?\b|\bnumbers\b|\bintegers\b|\bsum\b|\broot\b|\bperfect\b|\bmatrix\b"
        r"|\barea\b"
        r"|\barray\b|\bdigits\b|루트",
    ),
    Intent(
        "cube of a number",
        r"\bcubes? (?:of )?(?:a|the|an)\b|세제곱을",
        "cube cubes cubed n x 세제곱 수 숫자",
        each_of(3, -2, 0),
        lambda _text, number: [number**3],
        unless=r"\blists?\b|\bnumbers\b|\bsum\b|\broot\b|\bvolume\b|\bperfect\b|\barray\b",
    ),
    Intent(
        "perfect square test",
        r"\bperfect square\b|완전\s*제곱수",
        "perfect square n not 완전제곱수 완전 제곱수 제곱수인지",
        each_of(16, 15, 1, 26, 49),
        lambda _text, number: [math.isqrt(number) ** 2 == number],
        unless=r"\blists?\b|\bnumbers\b|\bsquares\b|\bnext\b|\bnearest\b|\bcount\b|\bsum\b",
    ),
    Intent(
        "product of two numbers",
        r"\b(?:multipl\w+|product of)\b.{0,10}\btwo (?:numbers|integers)\b|두\s*(?:수|숫자)의\s*곱",
        "multiply multiplies product two b a together 두 수 숫자 곱 곱을 곱하",
        ((2, 3), (-1, 5), (0, 7)),
        lambda _text, first, second: [first * second],
        unless=r"\blists?\b|\barrays?\b|\bmatri|\bstrings?\b|\bdigits?\b|\bunit\b",
    ),
    Intent(
        "larger of two numbers",
        r"\b(?:max\w*|largest|larger|greater|greatest|bigger) (?:\w+ ){0,2}(?:of|between|from) "
        r"(?:the )?two (?:numbers|integers)\b|두\s*(?:수|숫자)\s*중.{0,4}큰",
        "max maximum larger largest greater greatest bigger two between b a 두 수 숫자 중 더 큰",
        ((2, 3), (5, -1), (4, 4)),
        lambda _text, first, second: [max(first, second)],
        unless=r"\blists?\b|\barrays?\b|\bdivisor\b|\bfactor\b|\bdigits?\b|\bproduct\b|\bsum\b",
    ),
    Intent(
        "smaller of two numbers",
        r"\b(?:min\w*|smallest|smaller|lesser|lower) (?:\w+ ){0,2}(?:of|between|from) "
        r"(?:the )?two (?:numbers|integers)\b|두\s*(?:수|숫자)\s*중.{0,4}작은",
        "min minimum smaller smallest lesser lower two between b a 두 수 숫자 중 더 작은",
        ((2, 3), (5, -1), (4, 4)),
        lambda _text, first, second: [min(first, second)],
        unless=r"\blists?\b|\barrays?\b|\bmultiple\b|\bdigits?\b|\bproduct\b|\bsum\b",
    ),
    Intent(
        "largest of three numbers",
        r"\b(?:max\w*|largest|greatest|biggest) (?:\w+ ){0,2}(?:of|among|from) (?:the )?three "
        r"(?:numbers|integers)\b|세\s*(?:수|숫자)\s*중.{0,6}큰",
        "max maximum largest greatest biggest three among b c a 세 수 숫자 중 가장 큰",
        ((1, 2, 3), (3, 2, 1), (-5, -1, -3)),
        lambda _text, *numbers: [max(numbers)],
        unless=r"\blists?\b|\barrays?\b|\bproduct\b|\bsum\b|\bdistinct\b",
    ),
    Intent(
        "clamped number",
        r"\bclamp(?:s|ed|ing)?\b",
        "clamp clamps clamped clamping limit limits restrict range between low high lower"
        " upper bound"
        " bounds minimum maximum min max lo hi x n least most",
        # Whichever of the three comes first, the one in the middle is right.
        ((1, 2, 3), (3, 5, 9), (-4, -2, 0)),
        lambda _text, *numbers: [sorted(numbers)[1]],
        unless=r"\blists?\b|\barrays?\b",
    ),
    Intent(
        "hypotenuse",
        r"\bhypotenuse\b|빗변",
        "hypotenuse length right angled triangle legs leg sides side two other pythagoras"
        " pythagorean"
        " theorem lengths b 빗변 길이 직각삼각형 두 변 직각 삼각형",
        ((3, 4), (5, 12), (8, 6)),
        lambda _text, first, second: [math.hypot(first, second)],
        unless=r"\bmissing\b|\barea\b|\bround",
    ),
    Intent(
        "area of a rectangle",
        r"\barea\b.{0,20}\brectangle\b|\brectangle area\b|직사각형.{0,6}(?:넓이|면적)",
        "area rectangle width height length breadth sides side two w h l b"
        " 직사각형 넓이 면적 가로 세로 길이 너비 높이",
        ((3, 4), (5, 2), (7, 1)),
        lambda _text, width, height: [width * height],
        unless=r"\bperimeter\b|\boverlap|\bintersect|\btriangle\b|둘레",
    ),
    Intent(
        "perimeter of a rectangle",
        r"\bperimeter\b.{0,20}\brectangle\b|\brectangle perimeter\b|직사각형.{0,6}둘레",
        "perimeter rectangle width height length breadth sides side two w h l b"
        " 직사각형 둘레 가로 세로 길이 너비 높이",
        ((3, 4), (5, 2), (7, 1)),
        lambda _text, width, height: [2 * (width + height)],
        unless=r"\barea\b|\btriangle\b|넓이|면적",
    ),
    Intent(
        "area of a triangle",
        r"\barea\b.{0,20}\btriangle\b|\btriangle area\b|삼각형.{0,6}(?:넓이|면적)",
        "area triangle base height its b h 삼각형 넓이 면적 밑변 높이 길이",
        ((4, 3), (5, 2)),
        lambda _text, base, height: [base * height / 2],
        unless=r"\bsides?\b|\bheron|\bequilateral\b|\bright\b|\brectangle\b|\bperimeter\b",
    ),
    Intent(
        "area of a circle",
        r"\barea\b.{0,20}\bcircle\b|\bcircle area\b|원의\s*(?:넓이|면적)",
        "area circle radius r its pi math 원 원의 넓이 면적 반지름",
        each_of(1, 2, 10),
        lambda _text, radius: _with_pi(radius * radius),
        unless=r"\bcircumference\b|\bdiameter\b|\bperimeter\b|\bsector\b|둘레|지름을",
    ),
    Intent(
        "circumference of a circle",
        r"\b(?:circumference|perimeter)\b.{0,20}\bcircle\b|원의\s*둘레",
        "circumference perimeter circle radius r its pi math 원 원의 둘레 반지름",
        each_of(1, 2, 10),
        lambda _text, radius: _with_pi(2 * radius),
        unless=r"\barea\b|\bdiameter\b|넓이|면적|지름을",
    ),
    Intent(
        "kind of a triangle",
        r"\bequilateral\b.{0,60}\bisosceles\b.{0,60}\bscalene\b",
        "triangle triangles kind type classify classifies equilateral isosceles scalene side sides"
        " lengths length three two equal same different b c or",
        ((3, 3, 3), (3, 3, 2), (3, 4, 5)),
        lambda _text, *sides: _spelled(
            {1: "equilateral", 2: "isosceles", 3: "scalene"}[len(set(sides))]
        ),
        unless=r"\binvalid\b|\bvalid\b|\bright\b",
    ),
)
