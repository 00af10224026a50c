"""Page 1: how it is now."""

from typing import Any


async def test_the_page_is_shown(open_console: Any) -> None:
    console = await open_console("read")
    answer = await console.get("/")
    assert answer.status_code == 200
    assert "<h1>Now</h1>" in answer.text


async def test_it_speaks_korean(open_console: Any) -> None:
    console = await open_console("read")
    answer = await console.get("/", headers={"accept-language": "ko-KR,ko;q=0.9,en;q=0.5"})
    assert '<html lang="ko">' in answer.text
    assert "<h1>지금</h1>" in answer.text
