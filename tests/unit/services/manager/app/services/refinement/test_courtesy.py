"""What is courtesy, and what is what the request is about."""

import pytest

from services.manager.app.services.refinement.courtesy import find_request


def request_in(text: str) -> str:
    start, end = find_request(text, opening_end=len(text), closing_start=0)
    return text[start:end]


@pytest.mark.parametrize(
    "text",
    [
        "please sort it",
        "Please, sort it",
        "could you sort it",
        "Could you please sort it",
        "can you please sort it",
        "Can you sort it",
        "would you kindly sort it",
        "I'd like you to sort it",
        "I\u2019d like you to sort it",
        "I would like you to sort it",
        "I need you to sort it",
        "I was wondering if you could sort it",
        "hi, sort it",
        "Hello! sort it",
        "hey there, could you sort it",
        "Good morning.\nsort it",
        "hi please sort it",
        "Thanks in advance! sort it",
        "sort it please",
        "sort it, please!!",
        "sort it thanks",
        "sort it - thanks",
        "sort it\nThank you very much.",
        "sort it, thank you in advance",
        "sort it please, thanks a lot :)",
        "Hello, could you please sort it, please",
        "안녕하세요! sort it",
        "안녕하세요 sort it 부탁드립니다",
        "sort it 감사합니다~ 🙏",
    ],
)
def test_courtesy_goes(text: str) -> None:
    assert request_in(text) == "sort it"


@pytest.mark.parametrize(
    ("text", "request_text"),
    [
        ("Reverse a string, please.", "Reverse a string"),
        ("Sort a list. Thanks!", "Sort a list."),
        ("It says please. Thanks!", "It says please."),
        ("decrement x--, thanks", "decrement x--"),
        ("리스트를 정렬하는 함수를 작성해 주세요.", "리스트를 정렬하는 함수를 작성해"),
        ("클래스를 만들어주세요. 감사합니다!", "클래스를 만들어"),
        ("정렬 함수 구현 부탁드려요", "정렬 함수 구현"),
        ("정렬해 주시면 감사하겠습니다", "정렬해"),
    ],
)
def test_the_rest_stays_as_it_was(text: str, request_text: str) -> None:
    assert request_in(text) == request_text


@pytest.mark.parametrize(
    "text",
    [
        "Write a function that says please and thank you",
        "Write a function that says please",
        "Print hello, thank you",
        "Count the word please",
        "Write code that prints: thanks",
        'Return "yes, please"',
        "Hello World in Python",
        "Hello, world! program",
        "hello.py should run",
        "Thank you note generator",
        "Please and thank you counter",
        "Could you not use recursion",
        "Can you swim?",
        "history of hi-fi",
        "안녕하세요를 출력하는 함수",
        "안녕하세요 라고 출력해줘",
        "안녕하세요와 감사합니다",
        "함수 주세요",
        "a please b",
    ],
)
def test_what_the_request_is_about_stays(text: str) -> None:
    assert request_in(text) == text


@pytest.mark.parametrize("text", ["Hello", "please", "thanks", "hi, thanks!", "감사합니다"])
def test_nothing_is_left_of_mere_courtesy(text: str) -> None:
    assert request_in(text) == ""


def test_courtesies_reach_into_no_code() -> None:
    text = "please `hello` thanks"
    assert find_request(text, opening_end=7, closing_start=14) == (7, 14)
    assert find_request("`x` please", opening_end=0, closing_start=3) == (0, 3)


def test_a_block_within_the_line_does_not_become_a_fence() -> None:
    assert find_request("please ```x\ny```", opening_end=7, closing_start=16) == (0, 16)
    assert find_request("please\n```x\ny```", opening_end=7, closing_start=16) == (7, 16)
