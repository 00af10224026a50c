"""What right answers to requests about the digits of numbers give."""

import math
import re
from typing import Any

from services.evaluator.app.services.properties_intents import Intent, each_of, or_printed


def _roman(number: int) -> str:
    values = (
        (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
        (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
    )  # fmt: skip
    written = ""
    for value, letters in values:
        written += letters * (number // value)
        number %= value
    return written


def _fizz(number: int) -> str:
    return "Fizz" * (number % 3 == 0) + "Buzz" * (number % 5 == 0) or str(number)


def _fizz_buzz(text: str, n: int) -> list[Any]:
    """All up to n, as texts or with the numbers left numbers, joined or not; or n alone."""
    words = [_fizz(number) for number in range(1, n + 1)]
    mixed: list[Any] = [int(word) if word.isdigit() else word for word in words]
    readings: list[Any] = [
        list[Any](words),
        mixed,
        *(gap.join(words) for gap in ("\n", ", ", " ", ",")),
    ]
    if re.search(r"\blist\b|\bsequence\b|리스트|from 1", text, re.I):
        return readings
    return [*readings, words[-1], mixed[-1]]


def _binary(text: str, number: int) -> list[Any]:
    digits = f"{number:b}"
    if re.search(r"\bstr(?:ing)?\b|문자열", text, re.I):
        return [digits, f"0b{digits}"]
    return [digits, f"0b{digits}", int(digits), [int(digit) for digit in digits], list(digits)]


def _fizz_buzz_of_one(_text: str, number: int) -> list[Any]:
    word = _fizz(number)
    return [word, int(word)] if word.isdigit() else [word]


def _padded(number: int) -> list[str]:
    return [f"{number:0{width}b}" for width in (4, 8, 16, 32)]


INTENTS = (
    Intent(
        "digit sum",
        (
            r"\b(?:sum\w*|add\w*)\b.{0,30}\bdigits?\b|\bdigits?\s+sum\b|자릿수.{0,6}합"
            r"|각\s*자리.{0,12}(?:합|더)"
        ),
        (
            "sum sums add adds up digit digits n decimal its 자릿수 합 각 자리 자리수 더하 "
            "더한 자릿수의 합을 합"
        ),
        each_of(1234, 999, 7, 10),
        lambda _text, number: [sum(int(digit) for digit in str(number))],
        edges=each_of(0),
    ),
    Intent(
        "reversed digits of an integer",
        r"\brevers\w+\b.{0,30}\b(?:integer|number|digits)\b",
        "reverse reverses reversed reversing digits digit",
        each_of(123, 45, 7),
        lambda _text, number: [int(str(number)[::-1]), str(number)[::-1]],
        unless=r"\blists?\b|\barrays?\b|\bstrings?\b|\bnumbers\b|\bintegers\b|\bbits?\b",
    ),
    Intent(
        "integer to Roman numeral",
        r"\bto\b.{0,12}\broman\b|\broman numeral of\b|로마\s*(?:숫자|수)\s*로",
        (
            "convert converts converting roman numeral numerals 1 3999 between its 로마 숫자 "
            "로마숫자 변환 바꾸 바꿔"
        ),
        each_of(4, 9, 14, 58, 1994),
        lambda _text, number: [_roman(number), _roman(number).lower()],
        unless=r"roman\b.{0,30}\bto\b.{0,12}\b(?:int|number|decimal)|lower",
    ),
    Intent(
        "Roman numeral to integer",
        r"\broman\b.{0,30}\bto\b.{0,12}\b(?:int|number|decimal)|로마\s*(?:숫자|수)를",
        (
            "convert converts converting roman numeral numerals decimal its 로마 숫자 "
            "로마숫자 변환 바꾸 바꿔"
        ),
        tuple((_roman(number),) for number in (4, 9, 14, 58, 1994)),
        lambda _text, numeral: [
            next(number for number in range(1, 4000) if _roman(number) == numeral)
        ],
        unless=r"\bto\b.{0,12}\broman\b",
    ),
    Intent(
        "binary digits",
        r"\b(?:to|into|in)\b.{0,12}\bbinary\b|(?:2|이)진수로|이진\s*문자열로|2진법으로",
        (
            "convert converts converting binary decimal digits digit representation base its 2 "
            "이진수 2진수 진수 변환 10진수"
            " 십진수 이진 바꾸 바꿔 2진법"
        ),
        each_of(10, 1, 5, 255),
        lambda text, number: [*_binary(text, number), *_padded(number)],
        edges=each_of(0),
        unless=(
            r"binary\b.{0,24}\bto\b.{0,12}\b(?:decimal|int|number)|\bsearch\b|\btree\b|\bfloat"
            r"|count"
        ),
    ),
    Intent(
        "binary to decimal",
        (
            r"\bbinary\b.{0,24}\bto\b.{0,12}\b(?:decimal|int\w*|number)\b|(?:이"
            r"|2)진수를.{0,6}(?:십|10)진수"
        ),
        (
            "convert converts converting binary decimal digits representation its 이진수 "
            "2진수 진수 "
            "변환 10진수 십진수 바꾸 바꿔"
        ),
        (("1010",), ("1",), ("11111111",)),
        lambda _text, digits: [int(digits, 2)],
        unless=r"\bto\b.{0,6}\bbinary\b|\bsearch\b|\btree\b",
    ),
    Intent(
        "Armstrong number test",
        r"\b(?:armstrong|narcissistic)\b",
        "armstrong narcissistic n not",
        each_of(153, 154, 9474, 10),
        lambda _text, n: [n == sum(int(digit) ** len(str(n)) for digit in str(n))],
        unless=r"\bnumbers\b|\blist\b",
    ),
    Intent(
        "FizzBuzz",
        r"\bfizz\s*buzz\b|피즈\s*버즈|\bfizz\b.{0,80}\bbuzz\b",
        (
            "fizz buzz fizzbuzz sequence 1 3 5 15 n up through multiples multiple divisible "
            "three five both instead"
            " replace replaced itself from game 피즈버즈 1부터 까지 n까지 n"
        ),
        each_of(15, 5),
        lambda text, n: or_printed(text, _fizz_buzz(text, n)),
        unless=r"\bcount\b|\btimes\b|\bsum\b",
    ),
    Intent(
        "product of digits",
        r"\b(?:product|multipl\w+)\b.{0,20}\bdigits?\b|\bdigits?\s+product\b|자릿수.{0,4}곱"
        r"|각\s*자리.{0,12}(?:곱)",
        "product multiply multiplies multiplying multiplied together digit digits n its decimal"
        " 자릿수 자릿수의 곱 곱을 각 자리 자리수 곱하",
        each_of(234, 7, 111, 99),
        lambda _text, number: [math.prod(int(digit) for digit in str(number))],
        unless=r"\bodd\b|\beven\b|\bsum\b|\bzeros?\b|\bunit\b|\blast\b|\bpersisten|\btwo\b|합",
    ),
    Intent(
        "count of digits",
        r"\b(?:count\w*|number of|how many)\b.{0,16}\bdigits\b|자릿수.{0,6}(?:세|개수)",
        "count counts counting many digits digit n it has 자릿수 자릿수를 세 개수",
        each_of(123, 7, 10000),
        lambda _text, number: [len(str(number))],
        unless=r"\bstring\b|\btext\b|\beven\b|\bodd\b|\bsum\b|\bproduct\b|\bzeros?\b|\beach\b"
        r"|\bunique\b|\bletters\b",
    ),
    Intent(
        "palindrome test for numbers",
        r"\bpalindrom\w+\b",
        "palindrome palindromic reads same backward backwards forward forwards n not",
        each_of(121, 123, 7, 1221, 10),
        lambda _text, number: [str(number) == str(number)[::-1]],
        unless=r"\bstrings?\b|\btext\b|\bwords?\b|\blist\b|\blongest\b|\bnext\b|\bcount\b"
        r"|\blinked\b"
        r"|\blargest\b|\bnumbers\b|\bsum\b|^(?!.*\b(?:integer|number)\b)",
    ),
    Intent(
        "hexadecimal digits",
        r"\bto\b.{0,12}\bhex(?:adecimal)?\b|16진수로",
        "convert converts converting decimal hex hexadecimal digits representation base its 16"
        " 16진수 진수 변환 10진수 바꾸 바꿔",
        each_of(255, 16, 10),
        lambda _text, number: [
            form for digits in (f"{number:x}", f"{number:X}") for form in (digits, f"0x{digits}")
        ],
        unless=r"hex\w*\b.{0,24}\bto\b.{0,12}\b(?:decimal|int|number)|\brgb\b|\bcolou?r",
    ),
    Intent(
        "octal digits",
        r"\bto\b.{0,12}\boctal\b|8진수로",
        "convert converts converting decimal octal digits representation base its 8"
        " 8진수 진수 변환 10진수 바꾸 바꿔",
        each_of(8, 64, 7),
        lambda _text, number: [f"{number:o}", f"0o{number:o}", int(f"{number:o}")],
        unless=r"octal\b.{0,24}\bto\b.{0,12}\b(?:decimal|int|number)",
    ),
    Intent(
        "FizzBuzz of one number",
        r"\bfizz\s*buzz\b.{0,40}\bdivisible by\b",
        "fizz buzz fizzbuzz n divisible by 3 5 15 both three five only otherwise else itself",
        each_of(15, 3, 5, 7, 9),
        lambda text, number: or_printed(text, _fizz_buzz_of_one(text, number)),
        unless=r"\blist\b|\bsequence\b|\bfrom 1\b|\bup to\b|\bprint|\bnumbers\b|\bcount\b"
        r"|\bintegers\b",
    ),
)
