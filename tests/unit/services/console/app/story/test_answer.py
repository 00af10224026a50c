"""An answer's prose and code."""

import pytest

from services.console.app.story.answer import colour_code, split_answer


def test_prose_and_code_come_in_order() -> None:
    blocks = split_answer("Here it is:\n\n```python\ndef f(): pass\n```\n\nThat's all.")
    assert [block.text for block in blocks] == ["Here it is:", "", "That's all."]
    assert '<span class="k">def</span>' in str(blocks[1].code)


def test_an_answer_that_is_json_throughout_is_code() -> None:
    (block,) = split_answer('\n{"total": 12}')
    assert '<span class="mi">12</span>' in str(block.code)


def test_an_answer_without_text_has_no_blocks() -> None:
    assert split_answer("") == []


@pytest.mark.parametrize("language", ["python", "json", "js", "bash", "sql", "brainfuck", ""])
def test_code_is_escaped_in_every_language(language: str) -> None:
    shown = str(colour_code("</pre><script>\u202e\x1b[31m\x00 '\"", language))
    assert "<script" not in shown
    assert "</pre" not in shown
    assert not {"\u202e", "\x1b", "\x00"} & set(shown)


@pytest.mark.parametrize(
    ("code", "language"),
    [("1\n" * 5_001, "python"), ("x" * 301, "python"), ('\\"' * 1_501, "js")],
)
def test_code_that_a_lexer_could_be_long_at_is_shown_without_colours(
    code: str, language: str
) -> None:
    assert "<span" not in str(colour_code(code, language))


def test_an_answers_colours_have_a_bound_together() -> None:
    block = "```python\n" + "1\n" * 3_000 + "```\n"
    coloured = ["<span" in str(one.code) for one in split_answer(3 * block)]
    assert coloured == [True, False, False]
