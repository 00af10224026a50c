"""Tests for `outcome.py` at the door; what the guide's route refuses is tried on shapes of wire."""

from typing import Any

import pytest
from support.rows import for_each

from services.common.chat.outcome import require_own_message
from services.common.errors.model import ModelError

CALLS = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


@for_each(
    [
        ({"content": "Hello"}, "stop", ""),
        ({"content": "Hello"}, None, ""),
        ({"content": ""}, "stop", ""),
        ({"content": None, "tool_calls": CALLS}, "tool_calls", ""),
        ({"content": None, "refusal": "I won't."}, "stop", ""),
        ({"content": "A long essay that ends in the mid"}, "length", ""),
        ({"content": "Hel"}, "content_filter", "model_content_filtered"),
        ({"content": None}, "content_filter", "model_content_filtered"),
        ({"content": None}, "refusal", "model_content_filtered"),
        ({"content": "```python\ndef f("}, "length", "model_answer_cut"),
        ({"content": None}, "length", "model_answer_cut"),
        ({"content": None, "tool_calls": CALLS}, "length", "model_answer_cut"),
        ({"content": "Hel"}, "error", "model_unavailable"),
        ({"content": None}, None, "model_empty_answer"),
        ({}, "tool_calls", "model_empty_answer"),
    ]
)
def test_what_is_the_providers_doing_is_told_by_its_code(
    row: tuple[dict[str, Any], str | None, str],
) -> None:
    answer, reason, code = row
    if not code:
        require_own_message(answer, reason)
        return
    with pytest.raises(ModelError) as raised:
        require_own_message(answer, reason)
    assert raised.value.code == code
