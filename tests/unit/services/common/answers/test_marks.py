"""What isn't text, around a text."""

from support.rows import for_each

from services.common.answers.marks import strip_marks


@for_each(
    [
        "\ufeff{}",
        "{}</s>",
        "{} <|im_end|>\n",
        "{}<|eot_id|><|end_of_text|>",
        "\u200b {} \u200b<end_of_turn>\u200b",
        "{}<\uff5cend\u2581of\u2581sentence\uff5c>",
    ]
)
def test_marks_are_taken_off(text: str) -> None:
    assert strip_marks(text) == "{}"


@for_each(["a < b > c", "x <", "<two words>", "1 > 0", "<" * 50, f"<{'x' * 40}>", "</s> {}"])
def test_text_is_left(text: str) -> None:
    assert strip_marks(text) == text
