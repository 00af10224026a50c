"""Which part of a model's text is its answer, and which its reasoning."""

from itertools import product

import pytest
from support.rows import for_each

from services.common.answers.reasoning import ModelText, split_reasoning

FENCED = "```python\nb\n```"
NAMES = (
    "think",
    "THINK",
    "Thinking",
    "reasoning",
    "reflection",
    "thought",
    "scratchpad",
    "seed:think",
)


@for_each(product(NAMES, ["b", FENCED, '{"a": 1}'], ["a", "\na\n", "\n```python\na\n```\n", ""]))
def test_a_block_of_reasoning_is_no_part_of_the_answer(row: tuple[str, str, str]) -> None:
    name, answer, reasoning = row
    split = split_reasoning(f"<{name}>{reasoning}</{name}>\n\n{answer}")
    assert (split.final.strip(), split.reasoning) == (answer, reasoning.strip())


@for_each(
    [
        # Channels, and tokens of their own.
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>",
        "<|channel|>analysis<|message|>a<|end|><|channel|>final <|constrain|>json<|message|>b",
        "<|start|>assistant<|channel|>analysis<|message|>a<|end|>\n<|channel|>final<|message|>b",
        "analysisaassistantfinalb",
        "<|channel>thought\na<channel|>b<turn|>",
        "<unused94>thought\na<unused95>b",
        "[THINK]a[/THINK]b</s>",
        "<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>",
        "<|begin_of_thought|>\na\n<|end_of_thought|>\n<|begin_of_solution|>\nb\n<|end_of_solution|>",
        "<seed:think>a</seed:think>b<seed:eos>",
        "◁think▷a◁/think▷b",
        "<|inner_prefix|>a<|inner_suffix|>b",
        "<think type='deep'>a</think>b",
        "Here is my thought process:\na\nHere is my response:\nb",
        "<|start_header_id|>assistant<|end_header_id|>\n\n<think>a</think>b<|eot_id|>",
        # The template ate the opening tag, or the model forgot the closing one.
        "a\n</think>\nb",
        "a</think>\nb",
        "a\n<answer>\nb\n</answer>",
        "<think>\na\n<answer>b</answer>",
        "<think>a</thinking>b",
        # The answer's own tags.
        "<think>a</think><answer>b</answer>",
        "<thinking>a</thinking>\n<output>\nb\n</output>",
        "<|assistant|><think>a</think>b<|im_end|>\n<|im_start|>user\nc",
        "<think>a</think>\nb\n<|im_end|>\n</s>",
        # Reasoning behind the answer, in pieces, or around a fence.
        "b\n<reflection>a</reflection>",
        "<think>a</think>b<|endoftext|>",
        "<think>\n```python\na</think>\nb",
    ]
)
def test_every_family_of_marks_is_of_one_grammar(text: str) -> None:
    split = split_reasoning(text)
    assert split.final.strip() == "b"
    assert split.reasoning.strip("`python\n") == "a"


@for_each(
    [
        ("<think>a <think>b</think> c</think> d", "d"),
        ("<thinking>a\n<reflection>b</reflection>\nc</thinking>\nd", "d"),
        ("<think>a</think>\n<think>b</think>\nd", "d"),
        ("<think>I need the <think> tag, then </think>\nd", "d"),
        ("<think>a</think>d<think>b</think>", "d"),
        ("<answer>a</answer>\nNo:\n<answer>d</answer>", "d"),
        ("<think>\n```python\nx = s.split('</think>')\n```\n</think>\nd", "d"),
        ("Sure. <think>\na\n</think>\nd", "Sure. \nd"),
    ]
)
def test_nested_and_repeated_blocks(row: tuple[str, str]) -> None:
    text, final = row
    assert split_reasoning(text).final.strip() == final


@for_each(
    [
        "<think>",
        "<think>\na",
        "<think>\n```python\ndef f(): ...\n```",
        "a\n</think>\n",
        "<think>a</think>",
        "<think>a<|im_end|>",
        "[THINK]a",
        "<|channel|>analysis<|message|>a",
        "<|channel|>analysis<|message|>a<|end|>",
        "<think>a</think>\n<answer></answer>",
    ]
)
def test_what_is_reasoning_throughout_holds_no_answer(text: str) -> None:
    assert split_reasoning(text).final == ""


@for_each(
    [
        "",
        "b\n",
        "1 < 2 and 3 > 2",
        "This strips `<think>` tags.",
        "It drops <think> tags:\n```python\nre.sub(r'<think>.*?</think>', '', text)\n```\n",
        "```python\ndef f(text):\n    '''a\n    <think>\n    </think>\n    '''\n```",
        "```html\n<think>\n</think>\n```",
        "1. Use it:\n   ```python\n   </think>\n   ```\n",
        '{"note": "<think>a</think> b"}',
        '{\n  "note": "a </think> b"\n}',
        "```python\nprompt = '<|im_start|>user'\n```",
        "text = text.split('</think>')[-1]",
        "[solution](https://example.org)",
        "<div>\n<s>old</s> new\n</div>",
        "[reasoning] is an item, [answer] too",
    ]
)
def test_a_tag_that_is_part_of_the_answer_stays(text: str) -> None:
    assert split_reasoning(text) == ModelText(text, "")


@pytest.mark.parametrize(
    "piece",
    ["<", "<think>", "<think>a</think>\n", "</s>\n", "<|end|> x", "```\n", "a <think> b", " "],
)
def test_hostile_text_is_read_to_an_end(piece: str) -> None:
    split_reasoning(piece * (64_000 // len(piece)))
