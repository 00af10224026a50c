import json

from services.manager.app.door.client import encode


def test_half_an_emoji_goes_on_as_the_escape_that_it_came_as() -> None:
    value = {"content": "é\ud83d", "more": "\\ud83d"}
    assert encode(value) == b'{"content":"\xc3\xa9\\ud83d","more":"\\\\ud83d"}'
    assert json.loads(encode(value)) == value
