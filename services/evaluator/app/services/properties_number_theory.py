"""What right answers to requests about primes, divisors and sequences of numbers give."""

import math
import re
from itertools import pairwise
from typing import Any

from services.evaluator.app.services.properties_intents import ANYTHING, Intent, each_of


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


def _pascal_as_asked(text: str, count: int) -> list[Any]:
    """The rows; it may be one row, or drawn, where the request doesn't ask for a list of rows."""
    are_rows = re.search(r"\brows\b.{0,40}\blists?\b|\blists?\b.{0,40}\brows\b", text, re.I)
    return [_pascal(count)] if are_rows else [_pascal(count), ANYTHING]


def _pascal(count: int) -> list[Any]:
    rows: list[list[int]] = [[1]]
    while len(rows) < count:
        rows.append([1, *(first + second for first, second in pairwise(rows[-1])), 1])
    return list[Any](rows[:count])


def _collatz_steps(n: int) -> int:
    steps = 0
    while n != 1:
        n = 3 * n + 1 if n % 2 else n // 2
        steps += 1
    return steps


INTENTS = (
    Intent(
        "factorial",
        r"\bfactorial\b|팩토리얼|계승",
        "factorial n 팩토리얼 계승",
        each_of(5, 1, 0, 7),
        lambda _text, n: [math.factorial(n)],
    ),
    Intent(
        "nth Fibonacci number",
        r"\bfib(?:onacci)?\b.{0,30}\b(?:number|n(?:-?th)?)\b|\bn-?th fib|피보나치.{0,12}번째",
        "fib fibonacci n nth th sequence zeroth first second 0 1 피보나치 수열 번째 n번째 수 "
        "수는 수이 0번째 1번째"
        " 째 번",
        each_of(5, 6, 10),
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
        each_of(7, 10),
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
        each_of(2, 9, 17, 1, 25, 97, 4, 91),
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
        each_of(10, 20, 30),
        lambda _text, limit: [[n for n in range(limit + 1) if _is_prime(n)]],
    ),
    Intent(
        "prime factors",
        r"\bprime factor(?:s|i[sz]ation)?\b|소인수",
        "prime factor factors factorization factorisation n 소인수 소인수분해 분해",
        each_of(12, 30, 13),
        _prime_factors,
        any_order=True,
    ),
    Intent(
        "divisors",
        r"\b(?:divisors|factors) of\b|약수",
        "divisors factors n 약수 약수를",
        each_of(12, 7, 1),
        lambda _text, n: [
            [divisor for divisor in range(1, n + 1) if n % divisor == 0],
            {divisor for divisor in range(1, n + 1) if n % divisor == 0},
        ],
        any_order=True,
        unless=r"count|number of|sum|prime|common|개수|합|최대",
    ),
    Intent(
        "perfect number test",
        r"\bperfect number\b|완전수",
        "perfect n 완전수 완전수인지",
        each_of(6, 28, 12, 10),
        lambda _text, n: [n == sum(part for part in range(1, n) if n % part == 0)],
        unless=r"\bnumbers\b",
    ),
    Intent(
        "Pascal's triangle",
        r"\bpascal\b|파스칼",
        "first n rows row pascal s triangle pascal's 파스칼 삼각형 행 줄 n개 처음 까지",
        each_of(1, 4, 5),
        _pascal_as_asked,
        unless=r"\bnth\b|\bth\b|번째",
    ),
    Intent(
        "power of two test",
        r"power of (?:two|2)\b|2의\s*거듭제곱",
        "power two 2 n 2의 거듭제곱 의",
        each_of(1, 16, 6, 12, 64),
        lambda _text, n: [n > 0 and n & (n - 1) == 0],
        unless=r"compute|calculate|next|nearest|closest",
    ),
    Intent(
        "count of divisors",
        r"\b(?:number|count) of (?:divisors|factors)\b|\bcounts? (?:the |all )?(?:divisors"
        r"|factors)\b"
        r"|\bhow many (?:divisors|factors)\b|약수의\s*개수",
        "divisors factors n count counts many it has 약수 약수의 개수",
        each_of(12, 7, 1, 16),
        lambda _text, n: [sum(n % part == 0 for part in range(1, n + 1))],
        unless=r"\bprime\b|\bcommon\b|\bproper\b|\bdistinct\b|\bodd\b|\beven\b|\bsum\b",
    ),
    Intent(
        "first primes",
        r"\bfirst n (?:primes|prime numbers)\b|처음\s*n개의\s*소수",
        "first n primes prime 처음 n개 n개의 소수",
        each_of(5, 1, 8),
        lambda _text, count: [[n for n in range(2, 40) if _is_prime(n)][:count]],
        unless=r"\bsum\b|\bproduct\b|합",
    ),
    Intent(
        "steps of the Collatz sequence",
        r"\bcollatz\b.{0,60}\bsteps\b|\bsteps\b.{0,60}\bcollatz\b",
        "collatz steps reach reaches reaching 1 one takes many conjecture sequence n even odd"
        " divide"
        " half halve triple multiply 3 2 add until needed required start starting",
        each_of(6, 1, 7),
        lambda _text, n: [_collatz_steps(n)],
        unless=r"\bterms\b|\blongest\b|\bmaximum\b|\bhighest\b",
    ),
    Intent(
        "coprimality test",
        r"\bco-?\s?primes?\b|\brelatively prime\b|서로소",
        "coprime co prime relatively two b numbers integers each other 서로소 서로소인지 두 수"
        " 정수",
        ((8, 9), (6, 9), (7, 13)),
        lambda _text, first, second: [math.gcd(first, second) == 1],
        unless=r"\bcount\b|\blists?\b|\bpairs\b|\bpairwise\b",
    ),
)
