"""Which properties a request asks for, and that their trials tell right from wrong."""

import math
import operator
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.app.sandbox.execution import StepResult, Value
from services.evaluator.app.services.evidence import gather_evidence
from services.evaluator.app.services.probes import plan_probes
from services.evaluator.app.services.probes_plan import Probe
from services.evaluator.app.services.properties import INTENTS, find_intents
from services.evaluator.app.services.properties_checking import check_property
from services.evaluator.app.services.properties_grades import find_grades


def probes_of(request_text: str, code: str) -> list[Probe]:
    evidence = gather_evidence(
        task_type="code_generation", user_input=request_text, answer=f"```python\n{code}\n```"
    )
    return [probe for probe in plan_probes(evidence).probes if probe.kind == "property"]


def verdicts(request_text: str, parameters: str, function: Callable[..., Value]) -> set[str]:
    """What the trials for a request make of a function; nothing is run in a sandbox here."""
    found = set[str]()
    for probe in probes_of(request_text, f"def f({parameters}): return 1"):
        try:
            step = StepResult("returned", function(*probe.arguments))
        except (ValueError, IndexError, ZeroDivisionError) as error:
            step = StepResult("raised", None, type(error).__name__)
        found.add(check_property(probe, [step], may_give_none=False)[0])
    return found


@pytest.mark.parametrize(
    ("request_text", "name"),
    [
        pytest.param("Write a function that sorts a list.", "sorting", id="sort"),
        pytest.param("Sort numbers with quicksort, please.", "sorting", id="quicksort"),
        pytest.param("Implement bubble sort without using sorted().", "sorting", id="without"),
        pytest.param(
            "리스트를 오름차순으로 정렬하는 함수를 작성해 주세요.", "sorting", id="korean-sort"
        ),
        pytest.param(
            "Sort a list in descending order", "sorting in descending order", id="descending"
        ),
        pytest.param(
            "리스트를 내림차순으로 정렬", "sorting in descending order", id="korean-descending"
        ),
        pytest.param("Write a binary search", "search for the index", id="search"),
        pytest.param("이진 탐색 함수를 작성해줘", "search for the index", id="korean-search"),
        pytest.param("Reverse a string in Python", "reversed text", id="reverse"),
        pytest.param("문자열을 뒤집는 함수를 만들어 줘", "reversed text", id="korean-reverse"),
        pytest.param("Reverse a list", "reversed list", id="reverse-list"),
        pytest.param("Is a string a palindrome?", "palindrome test", id="palindrome"),
        pytest.param("회문인지 확인하는 함수", "palindrome test", id="korean-palindrome"),
        pytest.param("Compute the factorial of n", "factorial", id="factorial"),
        pytest.param("팩토리얼을 계산하는 함수", "factorial", id="korean-factorial"),
        pytest.param("Return the nth Fibonacci number", "nth Fibonacci number", id="fibonacci"),
        pytest.param(
            'def fib(n: int):\n    """Return n-th Fibonacci number."""',
            "nth Fibonacci number",
            id="stub",
        ),
        pytest.param(
            "Write is_prime(n), which tells whether an integer is a prime number.",
            "prime test",
            id="prime",
        ),
        pytest.param("소수인지 판별하는 함수를 작성해줘", "prime test", id="korean-prime"),
        pytest.param("Greatest common divisor of two numbers", "greatest common divisor", id="gcd"),
        pytest.param("최대공약수를 구하는 함수", "greatest common divisor", id="korean-gcd"),
        pytest.param("Find the largest number in a list", "largest element", id="largest"),
        pytest.param("리스트에서 가장 큰 수를 찾는 함수", "largest element", id="korean-largest"),
        pytest.param("Sum all numbers in a list", "sum", id="sum"),
        pytest.param("Remove duplicates from a list", "duplicates removed", id="duplicates"),
        pytest.param("Count the vowels in a string", "count of vowels", id="vowels"),
        pytest.param(
            "Convert an integer to a Roman numeral", "integer to Roman numeral", id="roman"
        ),
        pytest.param("윤년인지 확인하는 함수", "leap year test", id="korean-leap"),
        pytest.param("Merge two sorted lists", "two sorted lists merged", id="merge"),
        pytest.param(
            "1부터 n까지 모든 정수의 합을 재귀로 구하는 함수",
            "sum from 1 to n",
            id="korean-sum-to-n",
        ),
        pytest.param(
            '```python\ndef is_prime(n):\n    """True if n is prime"""\n```',
            "prime test",
            id="fenced-stub",
        ),
    ],
)
def test_what_is_asked_for(request_text: str, name: str) -> None:
    assert [intent.name for intent in find_intents(request_text)] == [name]


@pytest.mark.parametrize(
    "request_text",
    [
        "Sort a list by length",
        "Sort a dictionary by value",
        "Sort the even indices of a list",
        "Sort a list of tuples by the second element",
        "Remove duplicates, then sort by frequency",
        "Sum of the fourth powers of a list",
        "Sum of the multiples of seven in a list",
        "Sum of the first 10 numbers",
        "Find the largest prime factor",
        "Find the largest difference in a list",
        "Find the index of the third largest number",
        "Count the primes below n",
        "Return the longest palindrome in a string",
        "Make a string a palindrome",
        "Reverse every second word of a string",
        "Reverse a linked list",
        "Topological sort of a graph",
        "Search a binary tree",
        "Trailing zeros of a factorial",
        "The sum of the even Fibonacci numbers",
        "Merge k sorted lists",
        "Remove all elements that occur more than once. Keep the order.",
        "Count vowels and consonants",
        "Power of a matrix",
        'Sort a list by "length"',
        "Sort a list, for example [3, 1], by absolute value",
        ">>> f([2, 1])\nSort a list by length",
        "Sort a list. It returns words of odd length first.",
        "Sort a list by `priority`",
        "단어를 길이로 정렬",
        "7의 배수의 합을 구하는 함수",
        "가장 긴 회문을 찾는 함수",
        'Closing "<" for every opening "<" bracket',
        'def fizz_buzz(n):\n    """Return how often the digit 7 appears."""',
        'def sort_array(array):\n    """Sort by the number of ones in binary."""',
        "",
    ],
)
def test_requests_with_more_to_them_are_left_alone(request_text: str) -> None:
    assert find_intents(request_text) == ()


@pytest.mark.parametrize(
    ("request_text", "parameters", "right", "wrong"),
    [
        pytest.param("Sort a list", "items: str", sorted, sorted, id="another-kind-of-argument"),
        pytest.param("Compute the factorial of n", "a, b", max, max, id="another-count"),
    ],
)
def test_functions_that_take_something_else_are_not_tried(
    request_text: str,
    parameters: str,
    right: Callable[..., Value],
    wrong: Callable[..., Value],
) -> None:
    assert verdicts(request_text, parameters, right) == set()
    assert verdicts(request_text, parameters, wrong) == set()


@pytest.mark.parametrize(
    ("request_text", "parameters", "right", "wrong"),
    [
        pytest.param(
            "Write a prime test: is n prime?",
            "n",
            lambda n: n in (2, 17, 97),
            lambda n: n % 2 == 1,
            id="prime",
        ),
        pytest.param(
            "Find the index of target in a sorted list",
            "items, target",
            lambda items, target: items.index(target) if target in items else -1,
            lambda items, target: items.index(target) + 1 if target in items else -1,
            id="search",
        ),
        pytest.param(
            "Binary search",
            "target, items",
            lambda target, items: items.index(target) if target in items else None,
            lambda target, items: 0,
            id="search-turned",
        ),
        pytest.param(
            "Reverse a string",
            "text: str",
            lambda text: text[::-1],
            lambda text: text,
            id="reverse",
        ),
        pytest.param(
            "Greatest common divisor of two numbers",
            "a: int, b: int",
            __import__("math").gcd,
            max,
            id="gcd",
        ),
        pytest.param(
            "Remove duplicates from a list",
            "items",
            lambda items: list(dict.fromkeys(items)),
            lambda items: items,
            id="duplicates",
        ),
        pytest.param(
            "Union of two lists", "a, b", lambda a, b: {*a, *b}, lambda a, b: a, id="union"
        ),
        pytest.param(
            "Median of a list",
            "numbers",
            __import__("statistics").median,
            lambda numbers: numbers[len(numbers) // 2],
            id="median",
        ),
        pytest.param(
            "Transpose a matrix",
            "matrix",
            lambda matrix: list(zip(*matrix, strict=True)),
            lambda matrix: matrix,
            id="transpose",
        ),
        pytest.param(
            "Check balanced parentheses",
            "text",
            lambda text: text in ("(())", "()()"),
            lambda text: text.count("(") == text.count(")"),
            id="balanced",
        ),
        pytest.param(
            "Levenshtein distance of two words",
            "a, b",
            lambda a, b: {"kitten": 3, "flaw": 2, "same": 0, "": 3}[a],
            lambda a, b: abs(len(a) - len(b)),
            id="levenshtein",
        ),
        pytest.param(
            "Is a string a palindrome?",
            "s",
            lambda s: s == s[::-1],
            lambda s: s[0] == s[-1],
            id="palindrome",
        ),
        pytest.param(
            "Digit sum of a positive integer",
            "n",
            lambda n: sum(map(int, str(n))),
            lambda n: n % 9,
            id="digit-sum",
        ),
    ],
)
def test_right_functions_have_the_property_and_wrong_ones_lack_it(
    request_text: str,
    parameters: str,
    right: Callable[..., Value],
    wrong: Callable[..., Value],
) -> None:
    assert verdicts(request_text, parameters, right) == {"held"}
    assert "broken" in verdicts(request_text, parameters, wrong)


@pytest.mark.parametrize(
    ("request_text", "parameters", "right", "wrong"),
    [
        pytest.param(
            "Write is_positive(n), which returns True when n is greater than zero.",
            "n",
            lambda n: n > 0,
            lambda n: n >= 0,
        ),
        pytest.param("양수인지 판별하는 함수", "n", lambda n: n > 0, lambda n: n != 0),
        pytest.param("Return the sign of a number", "n", lambda n: (n > 0) - (n < 0), lambda n: 1),
        pytest.param(
            "Return the absolute difference between two numbers",
            "a, b",
            lambda a, b: abs(a - b),
            lambda a, b: a - b,
        ),
        pytest.param(
            "Clamp a value between a minimum and a maximum",
            "x, low, high",
            lambda x, low, high: max(low, min(x, high)),
            lambda x, low, high: x,
        ),
        pytest.param(
            "Clamp a value between a minimum and a maximum",
            "x, low, high",
            lambda low, high, x: max(low, min(x, high)),
            lambda x, low, high: x,
        ),
        pytest.param(
            "Return the length of the hypotenuse of a right triangle with legs a and b",
            "a, b",
            lambda a, b: (a * a + b * b) ** 0.5,
            lambda a, b: a + b,
        ),
        pytest.param(
            "Area of a circle with a given radius",
            "r",
            lambda r: math.pi * r * r,
            lambda r: 2 * math.pi * r,
        ),
        pytest.param(
            "Area of a circle with a given radius",
            "r",
            lambda r: 3.14 * r * r,
            lambda r: 2 * math.pi * r,
        ),
        pytest.param(
            "Multiply the digits of a positive integer",
            "n",
            lambda n: math.prod(map(int, str(n))),
            lambda n: sum(map(int, str(n))),
        ),
        pytest.param("Convert an integer to hexadecimal", "n", hex, oct),
        pytest.param("Convert an integer to hexadecimal", "n", lambda n: f"{n:X}", oct),
        pytest.param(
            "Return 'FizzBuzz' if n is divisible by 3 and 5, 'Fizz' if only by 3, "
            "'Buzz' if only by 5, otherwise n",
            "n",
            lambda n: "Fizz" * (n % 3 == 0) + "Buzz" * (n % 5 == 0) or n,
            lambda n: "Fizz" if n % 3 == 0 else "Buzz" if n % 5 == 0 else n,
        ),
        pytest.param(
            "How many steps does the Collatz sequence of n take to reach 1?",
            "n",
            lambda n: {6: 8, 1: 0, 7: 16}[n],
            lambda n: {6: 9, 1: 1, 7: 17}[n],
        ),
        pytest.param(
            "Convert minutes to a tuple of hours and remaining minutes",
            "n",
            lambda n: divmod(n, 60),
            lambda n: (n % 60, n // 60),
        ),
        pytest.param(
            "Count how many numbers in a list are even",
            "a",
            lambda a: sum(x % 2 == 0 for x in a),
            lambda a: sum(x % 2 for x in a),
        ),
        pytest.param(
            "Count the occurrences of a value in a list",
            "items, value",
            lambda items, value: items.count(value),
            lambda items, value: len(items),
        ),
        pytest.param(
            "Dot product of two vectors",
            "a, b",
            lambda a, b: sum(map(operator.mul, a, b)),
            lambda a, b: sum(a) * sum(b),
        ),
        pytest.param(
            "Double every number in a list", "a", lambda a: [2 * x for x in a], lambda a: a * 2
        ),
        pytest.param(
            "Join a list of strings into one string, separated by commas without spaces",
            "words",
            ",".join,
            ", ".join,
        ),
        pytest.param(
            "Remove repeated elements from a list, keeping the order of first appearance",
            "a",
            lambda a: list(dict.fromkeys(a)),
            lambda a: [x for x in a if a.count(x) == 1],
        ),
        pytest.param(
            "Rotate a list to the left by k places",
            "items, k",
            lambda items, k: items[k % len(items) :] + items[: k % len(items)],
            lambda items, k: items,
        ),
        pytest.param(
            "Is a letter a vowel?",
            "letter",
            lambda letter: letter in "aeiou",
            lambda letter: letter in "aei",
        ),
        pytest.param(
            "Return the longest prefix that two strings share",
            "a, b",
            lambda a, b: {"flower": "flow", "abc": "", "abcd": "ab", "same": "same"}[a],
            lambda a, b: a[:1],
        ),
        pytest.param(
            "Make the first letter of every word upper case and leave the rest as it is",
            "text",
            lambda text: " ".join(w[:1].upper() + w[1:] for w in text.split()),
            str.title,
        ),
        pytest.param(
            "Turn lower-case letters into upper case and the other way round",
            "text",
            str.swapcase,
            str.upper,
        ),
        pytest.param(
            "Return the longest word of a sentence; if several are longest, the first of them",
            "text",
            lambda text: max(text.split(), key=len),
            lambda text: max(text.split()[::-1], key=len),
        ),
        pytest.param(
            "가장 긴 단어를 찾는 함수, 문장에서",
            "text",
            lambda text: max(text.split(), key=len),
            lambda text: min(text.split(), key=len),
        ),
        pytest.param(
            "Merge two dictionaries; where both have a key, the value of the second wins",
            "a, b",
            lambda a, b: {**a, **b},
            lambda a, b: {**b, **a},
        ),
        pytest.param(
            "Is it a valid e-mail address?",
            "text",
            lambda text: text == "user@example.com" or None,
            lambda text: "@" in text,
        ),
        pytest.param(
            "Return 'A' for scores of 90 and more, 'B' from 80, and 'C' below 80",
            "score",
            lambda score: "A" if score >= 90 else "B" if score >= 80 else "C",
            lambda score: "A" if score > 90 else "B" if score >= 80 else "C",
        ),
    ],
)
def test_common_exercises(
    request_text: str,
    parameters: str,
    right: Callable[..., Value],
    wrong: Callable[..., Value],
) -> None:
    assert verdicts(request_text, parameters, right) == {"held"}
    assert "broken" in verdicts(request_text, parameters, wrong)


@pytest.mark.parametrize(
    "request_text",
    [
        "Return n if it is positive, otherwise zero",
        "Check whether the product of two numbers is negative",
        "Check if a number is the square of an integer",
        "Do something odd.",
        "Count the occurrences of each value in a list of words",
        "Find the longest word in a list",
        "Remove extra spaces from a string",
        "Convert lower-case vowels to upper case",
        "Return 'A' for scores between 90 and 100, 'B' between 80 and 89, 'F' otherwise",
        "Return 'pass' for scores from 50",
        "Grade a list of scores: 'A' from 90, 'B' from 80, 'C' below 80",
    ],
)
def test_exercises_that_ask_for_more_are_not_tried(request_text: str) -> None:
    assert probes_of(request_text, "def f(x): return x") == []
    assert probes_of(request_text, "def f(x, y): return x") == []


def test_thresholds_that_may_be_meant_either_way_are_left_out() -> None:
    text = "Grades: 'A' if score >= 90, 'B' if score >= 80, 'F' otherwise"
    assert find_grades(text) == ((95, "A"), (85, "B"), (40, "F"))


@pytest.mark.parametrize("first", [0, 1])
def test_either_way_of_counting_fibonacci_numbers_is_right(first: int) -> None:
    (probe,) = probes_of("Return the nth Fibonacci number", "def f(n): return n")
    numbers = [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89]
    by_index: list[Value] = [numbers[n + first] for n in (5, 6, 10)]
    mixed: list[Value] = [numbers[5], numbers[7], numbers[10]]
    assert (
        check_property(probe, [StepResult("returned", by_index)], may_give_none=False)[0] == "held"
    )
    assert (
        check_property(probe, [StepResult("returned", mixed)], may_give_none=False)[0] == "broken"
    )


def test_a_request_can_fix_how_fibonacci_numbers_are_counted() -> None:
    request_text = "피보나치 수열의 n번째 수를 구하는 함수. 0번째 수는 0이고 1번째 수는 1입니다."
    (probe,) = probes_of(request_text, "def f(n): return n")
    assert probe.accepted == ([5, 8, 55],)


def test_numbers_stay_within_what_the_request_confines_them_to() -> None:
    probes = probes_of("Find the largest number in a list of positive integers", "def f(a): ...")
    assert probes
    assert all(number > 0 for probe in probes for number in probe.arguments[0])  # type: ignore[union-attr, operator]


def test_an_argument_that_is_to_stay_unchanged_is_looked_at() -> None:
    probes = probes_of("Sort a list and leave the original unchanged", "def f(items): ...")
    assert probes
    assert all(probe.keeps_argument for probe in probes)


@pytest.mark.parametrize(
    ("names", "step"),
    [
        pytest.param(("encode", "decode"), "decode(encode('hello'))", id="prefix"),
        pytest.param(("rle_encode", "rle_decode"), "rle_decode(rle_encode('hello'))", id="suffix"),
        pytest.param(
            ("text_to_code", "code_to_text"), "code_to_text(text_to_code('hello'))", id="to"
        ),
    ],
)
def test_what_undoes_each_other_is_run_there_and_back(names: tuple[str, str], step: str) -> None:
    code = "".join(f"def {name}(text): return text\n" for name in names)
    probes = probes_of("Write functions to turn a message into a code and back.", code)
    assert probes[0].ran == step
    assert probes[0].accepted == ("hello",)


def test_every_intent_has_trials_whose_right_value_is_known() -> None:
    for intent in INTENTS:
        for arguments in (*intent.trials, *intent.edges):
            assert list(intent.accepts("", *arguments)), intent.name


def test_names_of_intents_differ() -> None:
    assert len({intent.name for intent in INTENTS}) == len(INTENTS)


@pytest.mark.parametrize(
    "word", ["sort ", "정렬 ", "[", "(", "'", "a_b(", ">>> x\n", "without using "]
)
def test_long_requests_are_read_to_an_end(word: str) -> None:
    find_intents(word * (2_000 // len(word)))


@given(st.text(alphabet="sort alis[]()'정렬을 \n", max_size=60))
def test_any_request_is_read_without_an_error(request_text: str) -> None:
    find_intents(request_text)


@pytest.mark.parametrize(
    ("absent", "is_right"), [(-1, True), (None, True), (False, True), (0, False)]
)
def test_a_search_that_gives_a_place_for_what_is_not_there_is_wrong(
    absent: Value, is_right: bool
) -> None:
    def search(items: list[int], target: int) -> Value:
        return items.index(target) if target in items else absent

    found = verdicts("Write a binary search function", "items, target", search)
    assert ("broken" not in found) is is_right


@pytest.mark.parametrize(
    ("request_text", "parameters", "function", "expected"),
    [
        pytest.param(
            "Count words in a text",
            "text",
            lambda text: {word: text.split().count(word) for word in text.split()},
            {"held"},
            id="count-of-each-word",
        ),
        pytest.param(
            "How many words are there in a text?",
            "text",
            lambda text: {word: text.split().count(word) for word in text.split()},
            {"broken"},
            id="how-many-words",
        ),
        pytest.param(
            "Count the vowels in a string",
            "text",
            lambda text: {letter: text.count(letter) for letter in "aeiou"},
            {"inconclusive"},
            id="count-of-each-vowel",
        ),
        pytest.param(
            "Return the number of vowels in a string",
            "text",
            lambda text: {letter: text.count(letter) for letter in "aeiou"},
            {"broken"},
            id="number-of-vowels",
        ),
        pytest.param(
            "Solve the two sum problem",
            "nums, target",
            lambda nums, target: [n for n in nums if target - n in nums and n * 2 != target],
            {"held"},
            id="two-sum-values",
        ),
        pytest.param(
            "Solve two sum: return the indices",
            "nums, target",
            lambda nums, target: [n for n in nums if target - n in nums and n * 2 != target],
            {"broken"},
            id="two-sum-places",
        ),
        pytest.param(
            "Pascal's triangle", "n", lambda n: [1] * n, {"inconclusive"}, id="pascal"
        ),
        pytest.param(
            "Return the first n rows of Pascal's triangle as a list of lists",
            "n",
            lambda n: [1] * n,
            {"broken"},
            id="pascal-as-a-list",
        ),
        pytest.param(
            "Convert decimal to binary", "n", lambda n: f"{n:08b}", {"held"}, id="leading-zeros"
        ),
        pytest.param("Find the median of a list", "xs", lambda xs: sorted(xs)[len(xs) // 2],
                     {"held"}, id="median-in-the-list"),
        pytest.param(
            "Find the median of a list; for an even count return the mean of the middle two",
            "xs",
            lambda xs: sorted(xs)[len(xs) // 2],
            {"held", "broken"},
            id="median-as-a-mean",
        ),
        pytest.param(
            "Convert an integer to a Roman numeral",
            "n",
            {4: "iv", 9: "ix", 14: "xiv", 58: "lviii", 1994: "mcmxciv"}.get,
            {"held"},
            id="small-numerals",
        ),
        pytest.param("Write FizzBuzz", "n", lambda _: None, {"inconclusive"}, id="fizzbuzz"),
        pytest.param(
            "Return the FizzBuzz sequence", "n", lambda _: None, {"broken"}, id="fizzbuzz-returned"
        ),
        pytest.param("Implement BFS for a graph", "graph, start", lambda _graph, _start: None,
                     {"inconclusive"}, id="bfs"),
    ],
)  # fmt: skip
def test_what_can_be_argued_about(
    request_text: str, parameters: str, function: Callable[..., Value], expected: set[str]
) -> None:
    assert verdicts(request_text, parameters, function) == expected
