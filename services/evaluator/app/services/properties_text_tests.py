"""What right answers to requests for a test of a text give."""

from typing import Any

from services.evaluator.app.services.properties_intents import Intent, each_of

IGNORING = """
    ignore ignoring ignores case spaces space punctuation letter letters digit digits not
    everything alphanumeric characters upper lower uppercase lowercase alike capitalization
    sensitive insensitive considering only 대소문자 무시 공백 구분 않 구두점 특수문자 제외
"""


def _is_palindrome(_text: str, word: str) -> list[Any]:
    letters = [letter for letter in word.lower() if letter.isalnum()]
    return [letters == letters[::-1]]


def _balanced(text: str) -> bool:
    closing = {")": "(", "]": "[", "}": "{"}
    opened: list[str] = []
    for bracket in text:
        if bracket in closing.values():
            opened.append(bracket)
        elif not opened or opened.pop() != closing[bracket]:
            return False
    return not opened


def _truth(holds: bool) -> list[Any]:
    """Yes or no; a search that finds nothing may say None for no."""
    return [True] if holds else [False, None]


INTENTS = (
    Intent(
        "palindrome test",
        r"\b(?:is|if|whether|checks?|checker|checking|test|tests|detect|determines?"
        r"|tells?)\b.{0,60}\bpalindrome"
        r"|\bpalindrome (?:check|test|detect)|(?:회문|팰린드롬).{0,6}(?:인지|확인|판별|검사|여부)",
        IGNORING + " palindrome palindromes palindromic word phrase sentence reads same"
        " backward backwards forward"
        " forwards not 회문 회문인지 팰린드롬",
        each_of("level", "hello", "abba", "ab", "racecar", "abca"),
        _is_palindrome,
        unless=(
            r"\blongest\b|\bshortest\b|sub-?string|\bcount\b|\blist\b|\bnumber\b|\binteger\b"
            r"|\bpermut|\blinked\b|정수|숫자"
        ),
    ),
    Intent(
        "palindrome test for phrases",
        (
            r"\bpalindromes?\b.{0,80}\bignor\w+\b.{0,60}(?:punctuation|not a letter"
            r"|alphanumeric|space)"
        ),
        IGNORING + " palindrome palindromes word phrase sentence reads same"
        " backward backwards forward forwards",
        each_of("nurses run", "not one"),
        _is_palindrome,
        unless=r"\blongest\b|\bshortest\b|sub-?string|\bcount\b|\blist\b|\bnumber\b|\binteger\b",
    ),
    Intent(
        "anagram test",
        r"\banagrams?\b|애너그램|아나그램",
        IGNORING
        + " anagram anagrams two words other another each 두 애너그램 애너그램인지 아나그램 서로",
        (("listen", "silent"), ("hello", "world"), ("aab", "abb"), ("abc", "abcd")),
        lambda _text, first, second: [sorted(first) == sorted(second)],
        unless=r"\bgroup|\blist\b|\bfind all\b|\bcount\b",
    ),
    Intent(
        "balanced brackets test",
        (
            r"\b(?:balanced|valid|match\w*|properly closed)\b.{0,40}\b(?:parenthes[ie]s"
            r"|brackets|braces)\b"
            r"|\b(?:parenthes[ie]s|brackets)\b.{0,40}\b(?:balanced|valid|match\w*|closed)\b"
            r"|괄호.{0,12}(?:올바|유효|짝|균형)"
        ),
        (
            "balanced valid match matched matching closed parentheses parenthesis brackets "
            "bracket braces round square curly"
            " opening every closing corresponding order types contains 괄호 괄호가 올바르게 "
            "올바른 짝지어졌는지 "
            "짝 유효 균형 맞"
        ),
        each_of("(())", "(()", ")(", "()()"),
        lambda _text, text: [_balanced(text)],
        unless=(
            r"[<>]|\bgenerate|\bcount\b|\blongest\b|\bminimum\b|\bremove\b"
            r"|\bsquare\b(?!.{0,12}\b(?:and|curly))|\bcurly braces only"
        ),
    ),
    Intent(
        "balanced brackets of several kinds",
        r"\bbrackets\b.{0,40}\bbalanced\b|\bbalanced brackets\b|\bround\b.{0,20}\bsquare\b",
        (
            "balanced valid match matched matching closed parentheses brackets bracket round "
            "square curly opening every closing"
            " corresponding order types braces"
        ),
        each_of("([]{})", "(]", "([)]"),
        lambda _text, text: [_balanced(text)],
        unless=(
            r"[<>]|\bgenerate|\bcount\b|\blongest\b|\bminimum\b|\bremove\b|\bstring of\b"
            r"|\bonly\b"
        ),
    ),
    Intent(
        "pangram test",
        r"\bpangrams?\b",
        "pangram sentence contains every letter alphabet least once english",
        each_of("the quick brown fox jumps over the lazy dog", "hello world"),
        lambda _text, text: [set("abcdefghijklmnopqrstuvwxyz") <= set(text)],
        unless=r"\bmissing\b",
    ),
    Intent(
        "e-mail address test",
        r"\bvalid\b.{0,12}\be-?mail\b|이메일.{0,12}(?:유효|올바)",
        "valid validate validates e mail email address addresses not format 이메일 주소 주소가"
        " 유효 유효한지"
        " 올바른지 형식",
        each_of("user@example.com", "plain", "@example.com", "a@b@c.com", "user@"),
        lambda _text, text: _truth(text == "user@example.com"),
        unless=r"\blists?\b|\bextract|\bfind all\b|\bdomain\b",
    ),
    Intent(
        "IPv4 address test",
        r"\bvalid\b.{0,12}\bip(?:v4)?\b",
        "valid validate validates ip ipv v 4 address addresses not format",
        each_of("192.168.1.1", "256.1.1.1", "1.2.3", "a.b.c.d", "1.2.3.4.5"),
        lambda _text, text: _truth(text == "192.168.1.1"),
        unless=r"\blists?\b|\bextract|\bipv6\b|\bv6\b|\bclass\b",
    ),
)
