"""Tells whether two texts are ways to name one thing. Pure."""

import re

from services.common.task_types.json_extraction.grounding import (
    MIN_PHONE_DIGITS,
    digits_of,
    normalize,
)

MAX_WORDS_BEFORE = 2
PHONE_NUMBER = re.compile(r"\(?\+?[\d ()-]+")


def are_same_words(wanted: str, given: str, text: str) -> bool:
    """Tell whether two texts name the same thing: a title, an article, an ending apart.

    Words before those that are wanted count for nothing where the text has them there
    ("Dr. Amina Yusuf"), and so does a plural of what isn't a name. Digits must be the same.
    """
    if digits_of(wanted) != digits_of(given) or _signs_in(wanted) != _signs_in(given):
        return False
    if PHONE_NUMBER.fullmatch(wanted) and PHONE_NUMBER.fullmatch(given):
        return len(digits_of(wanted)) >= MIN_PHONE_DIGITS
    wanted_words, given_words = (re.findall(r"\w+", each) for each in (wanted, given))
    extra = len(given_words) - len(wanted_words)
    if "@" in wanted or not wanted_words or not 0 <= extra <= MAX_WORDS_BEFORE:
        return False
    if not all(map(_is_same_word, wanted_words, given_words[extra:])):
        return False
    lead = " ".join(given_words[:extra]).casefold()
    return lead in ("", "a", "an", "the") or normalize(given).strip(" .,;") in normalize(text)


def _signs_in(text: str) -> set[str]:
    """Collect the signs that tell one thing from another: "C" from "C++", an address from words."""
    return {sign for sign in text if not sign.isalnum() and sign not in " .,;:'\"()-\u2019"}


def _is_same_word(one: str, other: str) -> bool:
    if one.islower() and other.islower():
        return other in (one, f"{one}s", f"{one}es") or one in (f"{other}s", f"{other}es")
    return one.casefold() == other.casefold()
