import base64
import hashlib
from typing import Any

from support.rows import for_each

from services.common.database import encode_json
from services.manager.app.door.bounding import bound, hash_binary_parts

PIXELS = b"\x89PNG and more"
IN_BASE64 = base64.b64encode(PIXELS).decode()
DIGEST = hashlib.sha256(PIXELS).hexdigest()
CHOICES = [{"index": 0, "message": {"role": "assistant", "content": "yes"}}]


def content(messages: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    return {"messages": messages, "parameters": {"seed": 1}, "choices": CHOICES, **changes}


def message(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def test_what_is_small_enough_is_kept_whole() -> None:
    assert bound(content([message("a")]), 1024) == content([message("a")])


@for_each(
    [
        content([message("a" * 1_000_000)]),
        content([message("가" * 400_000)]),
        content([message("a" * 5_000)] * 200),
        content([message("a")] * 4_000),
        content([message("a")], parameters={"x": ["a"] * 500_000}),
        content([message("a")], choices=[{"message": {"content": "a" * 500_000}}]),
    ],
    name=lambda row: str(row)[:80],
)
def test_what_is_too_large_is_left_out(large: dict[str, Any]) -> None:
    for limit in (100_000, 20_000, 1_024):
        kept = bound(large, limit)
        assert sum(len(encode_json(value).encode()) for value in kept.values()) <= limit
        assert kept["choices"] in (large["choices"], [])
        assert kept["parameters"] in (large["parameters"], {})
        assert kept != large


def test_the_newest_messages_are_those_that_are_kept() -> None:
    messages = [message(f"{number} {'x' * 200}") for number in range(100)]
    kept = bound(content(messages), 5_000)["messages"]
    assert 15 < len(kept) < 25
    assert kept == messages[-len(kept) :]


@for_each(
    [
        ("image_url", "url", f"data:image/png;base64,{IN_BASE64}", "data:image/png;"),
        ("input_audio", "data", IN_BASE64, ""),
        ("file", "file_data", f"data:application/pdf;base64,{IN_BASE64}", "data:application/pdf;"),
    ]
)
def test_what_is_no_text_is_kept_as_hash_and_size(row: tuple[str, str, str, str]) -> None:
    kind, name, data, head = row
    text = {"type": "text", "text": "look"}
    part = {"type": kind, kind: {name: data, "more": 1}}
    given = [message("a"), {"role": "user", "content": [text, part]}]

    kept = hash_binary_parts(given)

    assert kept[0] == given[0]
    told = f"{head}sha256={DIGEST};bytes={len(PIXELS)}"
    assert kept[1]["content"] == [text, {"type": kind, kind: {name: told, "more": 1}}]
    assert part[kind][name] == data


def test_addresses_and_what_is_no_base64_are_no_surprise() -> None:
    link = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    odd = {"type": "input_audio", "input_audio": {"data": "not base64!"}}
    strange = {"type": "image_url", "image_url": "data:,x"}
    kept = hash_binary_parts([{"role": "user", "content": [link, odd, strange]}])
    assert kept[0]["content"][0] == link
    assert kept[0]["content"][1]["input_audio"]["data"].startswith("sha256=")


def test_an_answers_sound_is_kept_as_hash_and_size() -> None:
    answer = {"role": "assistant", "content": None, "audio": {"id": "a", "data": IN_BASE64}}
    [kept] = hash_binary_parts([answer])
    assert kept["audio"] == {"id": "a", "data": f"sha256={DIGEST};bytes={len(PIXELS)}"}
