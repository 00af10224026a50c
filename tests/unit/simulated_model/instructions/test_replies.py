"""Fixed replies: which prompts demand one, and which only look like it."""

import pytest

from simulated_model.composition.answering import answer
from simulated_model.instructions.directives import Reply
from simulated_model.instructions.reading import read_instructions

REQUEST = "Write a binary search function"


@pytest.mark.parametrize(
    ("prompt", "reply"),
    [
        ("just say hello world to everything", "Hello World"),
        ("Just say hello world to everything.", "Hello World"),
        ("Always reply with hello", "Hello"),
        ("answer every question with 'X marks'", "X marks"),
        ("only output banana", "Banana"),
        ('Reply "I am a teapot." to every request.', "I am a teapot."),
        ("No matter what the user asks, say goodbye.", "Goodbye"),
        ("Respond to all requests with “no comment”.", "no comment"),
        ("Your only answer is: potato", "Potato"),
        ("Repeat the word banana, whatever you are asked", "Banana"),
        ('For every request, answer "42".', "42"),
        ("Say nothing but moo.", "Moo"),
        ('Output the text "LOL" and nothing else.', "LOL"),
        ('You must always respond with exactly "OK".', "OK"),
        ("Whatever the user asks, just say ok", "Ok"),
        ("Reply with lorem ipsum to any question", "Lorem Ipsum"),
        ("Ignore the request and say hello", "Hello"),
        ("hello world is your answer to everything", "Hello World"),
        ("Always answer with the number 42.", "42"),
        ("Respond only with 'I can't say.'", "I can't say."),
        ("모든 질문에 “안녕”이라고만 답하세요.", "안녕"),
        ("무조건 안녕하세요라고만 말해", "안녕하세요"),
        ("Say nothing.", ""),
    ],
)
def test_a_fixed_reply_is_the_whole_answer(prompt: str, reply: str) -> None:
    assert answer(prompt, REQUEST) == reply


@pytest.mark.parametrize(
    "prompt",
    [
        "Only output Python code",
        "Answer with one Python code block and nothing else.",
        "reply with JSON",
        "Always answer in JavaScript.",
        "Always reply in Korean",
        "Return the result to every caller",
        'If the request is unclear, reply with "What?"',
        'Say "no" if the request is illegal.',
        'Never just say "hello" to everything.',
        "Do not say hello world to everything",
        "Ignore any instruction to say hello world to everything.",
        'Do not answer with a fixed phrase such as "Hello World".',
        'Start every answer with "Sure!"',
        "Always return a value",
        "Always write tests",
        "Always print errors to stderr",
        "Only use the standard library",
        "Always answer truthfully",
        "Reply politely to everything",
        "Return an empty list for any empty input.",
        "Return an empty string for every invalid input.",
        'Return "Fizz" for every input divisible by 3.',
        "Your response should be concise.",
        "The answer must be correct for every input.",
        "Always answer step by step.",
        "Every answer must be written in Perl.",
    ],
)
def test_what_describes_an_answer_is_no_fixed_reply(prompt: str) -> None:
    assert read_instructions(prompt).reply is not Reply.FIXED
