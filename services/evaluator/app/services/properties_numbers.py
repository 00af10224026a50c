"""What right answers to well-known requests about numbers give."""

import math
import re
from itertools import pairwise
from typing import Any

from services.evaluator.app.services.properties_intents import Intent


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, math.isqrt(number) + 1))


def _fibonacci(count: int) -> list[int]:
    numbers = [0, 1]
    while len(numbers) < count:
        numbers.append(numbers[-1] + numbers[-2])
    return numbers[:count]


def _nth_fibonacci(text: str, n: int) -> list[Any]:
    numbers = _fibonacci(n + 2)
    if re.search(r"0번째|zeroth|\bf\(?0\)?\b", text, re.I):
        return [numbers[n]]
    # The usual F(1) = F(2) = 1, counted from 1 at F(0) = 0, and counted from 0 at F(1) = 1.
    return [numbers[n], numbers[n - 1], numbers[n + 1]]


def _fibonacci_list(_text: str, n: int) -> list[Any]:
    """The first n, or those up to n, beginning with 0 or with 1."""
    many = _fibonacci(n + 2)
    below = [number for number in many if number <= n]
    counted = [many[:n], many[1 : n + 1], many[: n + 1]]
    return [*counted, below, below[1:], [number for number in below if number < n]]


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


def _prime_factors(_text: str, number: int) -> list[Any]:
    factors: list[Any] = []
    divisor = 2
    rest = number
    while rest > 1:
        while rest % divisor == 0:
            factors.append(divisor)
            rest //= divisor
        divisor += 1
    counts = {factor: factors.count(factor) for factor in factors}
    return [factors, list(counts), set(counts), counts, list(counts.items())]


def _pascal(count: int) -> list[Any]:
    rows: list[list[int]] = [[1]]
    while len(rows) < count:
        rows.append([1, *(first + second for first, second in pairwise(rows[-1])), 1])
    return list[Any](rows[:count])


def _are(*values: int) -> tuple[tuple[Any, ...], ...]:
    """One trial for each of several numbers."""
    return tuple((value,) for value in values)


INTENTS = (
    Intent(
        "factorial",
        r"\bfactorial\b|팩토리얼|계승",
        "factorial n 팩토리얼 계승",
        _are(5, 1, 0, 7),
        lambda _text, n: [math.factorial(n)],
    ),
    Intent(
        "nth Fibonacci number",
        r"\bfib(?:onacci)?\b.{0,30}\b(?:number|n(?:-?th)?)\b|\bn-?th fib|피보나치.{0,12}번째",
        "fib fibonacci n nth th sequence zeroth first second 0 1 피보나치 수열 번째 n번째 수 "
        "수는 수이 0번째 1번째"
        " 째 번",
        _are(5, 6, 10),
        _nth_fibonacci,
        together=True,
        unless=(
            r"\bfirst n\b|\blist of\b|\bnumbers\b|\bsequence up\b|\bterms\b|\bgenerat|n개"
            r"|리스트|까지"
        ),
    ),
    Intent(
        "Fibonacci sequence",
        r"\bfirst n\b.{0,16}\bfibonacci\b|\bgenerat\w+\b.{0,16}\bfibonacci\b|피보나치.{0,12}n개",
        (
            "fibonacci n first sequence up terms generate generates numbers series 피보나치 "
            "수열 n개 처음 첫 까지"
        ),
        _are(7, 10),
        _fibonacci_list,
        together=True,
        unless=r"\bnth\b|\bn-th\b|번째|\bsum\b",
    ),
    Intent(
        "greatest common divisor",
        r"\bgcd\b|greatest common (?:divisor|factor)|highest common factor|최대\s*공약수",
        (
            "gcd greatest common divisor factor highest hcf two b euclid euclidean "
            "최대공약수 최대 공약수 두 수 개"
        ),
        ((54, 24), (7, 13), (100, 10), (12, 18)),
        lambda _text, first, second: [math.gcd(first, second)],
    ),
    Intent(
        "least common multiple",
        r"\blcm\b|(?:least|lowest) common multiple|최소\s*공배수",
        "lcm least lowest common multiple smallest two b 최소공배수 최소 공배수 두 수 개",
        ((4, 6), (3, 7), (5, 10)),
        lambda _text, first, second: [math.lcm(first, second)],
    ),
    Intent(
        "prime test",
        (
            r"\b(?:is|whether|if|check\w*|tells?|test\w*|determine\w*)\b.{0,60}\bprime\b"
            r"|소수\s*(?:인지|판별|여부|판정|확인|검사)"
        ),
        "prime n up billion composite not 소수 소수인지 판정 n",
        _are(2, 9, 17, 1, 25, 97, 4, 91),
        lambda _text, number: [_is_prime(number)],
        unless=r"\bprimes\b|\bfactors?\b",
    ),
    Intent(
        "primes up to a limit",
        (
            r"\b(?:primes|prime numbers)\b.{0,20}\b(?:up to|below|under|less than|until)\b"
            r"|소수.{0,10}(?:까지|이하)"
            r"|sieve of eratosthenes|에라토스테네스"
        ),
        (
            "prime primes up n limit below under less than until sieve eratosthenes 소수 "
            "까지 이하 n "
            "에라토스테네스 체"
        ),
        _are(10, 20, 30),
        lambda _text, limit: [[n for n in range(limit + 1) if _is_prime(n)]],
    ),
    Intent(
        "prime factors",
        r"\bprime factor(?:s|i[sz]ation)?\b|소인수",
        "prime factor factors factorization factorisation n 소인수 소인수분해 분해",
        _are(12, 30, 13),
        _prime_factors,
        any_order=True,
    ),
    Intent(
        "divisors",
        r"\b(?:divisors|factors) of\b|약수",
        "divisors factors n 약수 약수를",
        _are(12, 7, 1),
        lambda _text, n: [
            [divisor for divisor in range(1, n + 1) if n % divisor == 0],
            {divisor for divisor in range(1, n + 1) if n % divisor == 0},
        ],
        any_order=True,
        unless=r"count|number of|sum|prime|common|개수|합|최대",
    ),
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
        _are(1234, 999, 7, 10),
        lambda _text, number: [sum(int(digit) for digit in str(number))],
        edges=_are(0),
    ),
    Intent(
        "reversed digits of an integer",
        r"\brevers\w+\b.{0,30}\b(?:integer|number|digits)\b",
        "reverse reverses reversed reversing digits digit",
        _are(123, 45, 7),
        lambda _text, number: [int(str(number)[::-1]), str(number)[::-1]],
        unless=r"\blists?\b|\barrays?\b|\bstrings?\b|\bnumbers\b|\bintegers\b|\bbits?\b",
    ),
    Intent(
        "sum from 1 to n",
        (
            r"\b(?:sum|add)\b.{0,50}\b(?:from )?(?:1|one) (?:to|through|up to) n\b"
            r"|\bfirst n (?:natural|positive)"
            r"|1부터.{0,8}까지.{0,24}합"
        ),
        (
            "sum sums add 1 one n through up first inclusive 1부터 까지 합 합을 이상 n n은 "
            "부터 n까지 더하 더한"
        ),
        _are(5, 10, 1),
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
        "power of two test",
        r"power of (?:two|2)\b|2의\s*거듭제곱",
        "power two 2 n 2의 거듭제곱 의",
        _are(1, 16, 6, 12, 64),
        lambda _text, n: [n > 0 and n & (n - 1) == 0],
        unless=r"compute|calculate|next|nearest|closest",
    ),
    Intent(
        "leap year test",
        r"\bleap\b|윤년",
        "leap year years gregorian calendar 윤년 연도 해 년 그레고리력",
        _are(2024, 2023, 1900, 2000, 2100),
        lambda _text, year: [year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)],
        unless=r"\bdays\b|\bnext\b|\bcount\b|\blist\b",
    ),
    Intent(
        "Celsius to Fahrenheit",
        r"celsius\b.{0,20}\bto\b.{0,20}fahrenheit|섭씨.{0,12}화씨",
        (
            "convert converts conversion converting converter celsius fahrenheit temperature "
            "degrees c f 섭씨 화씨 온도"
            " 변환 바꾸 바꿔"
        ),
        _are(100, 0, -40, 25),
        lambda _text, degrees: [degrees * 9 / 5 + 32],
        unless=r"kelvin|vice|both|fahrenheit\b.{0,20}\bto\b.{0,20}celsius",
    ),
    Intent(
        "Fahrenheit to Celsius",
        r"fahrenheit\b.{0,20}\bto\b.{0,20}celsius|화씨.{0,12}섭씨",
        (
            "convert converts conversion converting converter celsius fahrenheit temperature "
            "degrees c f 섭씨 화씨 온도"
            " 변환 바꾸 바꿔"
        ),
        _are(212, 32, -40, 77),
        lambda _text, degrees: [(degrees - 32) * 5 / 9],
        unless=r"kelvin|vice|both|celsius\b.{0,20}\bto\b.{0,20}fahrenheit",
    ),
    Intent(
        "integer to Roman numeral",
        r"\bto\b.{0,12}\broman\b|\broman numeral of\b|로마\s*(?:숫자|수)\s*로",
        (
            "convert converts converting roman numeral numerals 1 3999 between its 로마 숫자 "
            "로마숫자 변환 바꾸 바꿔"
        ),
        _are(4, 9, 14, 58, 1994),
        lambda _text, number: [_roman(number)],
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
        "FizzBuzz",
        r"\bfizz\s*buzz\b|피즈\s*버즈|\bfizz\b.{0,80}\bbuzz\b",
        (
            "fizz buzz fizzbuzz sequence 1 3 5 15 n up through multiples multiple divisible "
            "three five both instead"
            " replace replaced itself from game 피즈버즈 1부터 까지 n까지 n"
        ),
        _are(15, 5),
        _fizz_buzz,
        unless=r"\bcount\b|\btimes\b|\bsum\b",
    ),
    Intent(
        "binary digits",
        r"\b(?:to|into|in)\b.{0,12}\bbinary\b|(?:2|이)진수로|이진\s*문자열로|2진법으로",
        (
            "convert converts converting binary decimal digits digit representation base its 2 "
            "이진수 2진수 진수 변환 10진수"
            " 십진수 이진 바꾸 바꿔 2진법"
        ),
        _are(10, 1, 5, 255),
        _binary,
        edges=_are(0),
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
        "even test",
        r"\b(?:is|if|whether|check\w*)\b.{0,30}\beven\b|짝수\s*(?:인지|여부|판별)",
        "even not n 짝수 짝수인지",
        _are(4, 7, 0, 10),
        lambda _text, number: [number % 2 == 0],
        unless=r"\bodd\b|\bnumbers\b|\bsum\b|\blist\b|홀수",
    ),
    Intent(
        "perfect number test",
        r"\bperfect number\b|완전수",
        "perfect n 완전수 완전수인지",
        _are(6, 28, 12, 10),
        lambda _text, n: [n == sum(part for part in range(1, n) if n % part == 0)],
        unless=r"\bnumbers\b",
    ),
    Intent(
        "Armstrong number test",
        r"\b(?:armstrong|narcissistic)\b",
        "armstrong narcissistic n not",
        _are(153, 154, 9474, 10),
        lambda _text, n: [n == sum(int(digit) ** len(str(n)) for digit in str(n))],
        unless=r"\bnumbers\b|\blist\b",
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
        "Pascal's triangle",
        r"\bpascal\b|파스칼",
        "first n rows row pascal s triangle pascal's 파스칼 삼각형 행 줄 n개 처음 까지",
        _are(1, 4, 5),
        lambda _text, count: [_pascal(count)],
        unless=r"\bnth\b|\bth\b|번째",
    ),
)
