"""What browsers are told with every answer."""

from typing import Any

BROWSER = {"accept": "text/html"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


async def test_every_answer_says_what_a_page_may_do(open_console: Any) -> None:
    console = await open_console("read")
    for method, path, head, status in (
        ("GET", "/", BROWSER, 200),
        ("HEAD", "/", BROWSER, 200),
        ("GET", "/nothing", BROWSER, 404),
        ("GET", "/nothing", {}, 404),
        ("POST", "/", BROWSER, 405),
        ("GET", "/", {"host": "evil.example"}, 403),
        ("POST", "/language", FORM | {"content-length": "99999999"}, 413),
        ("GET", "/static/console.css", {}, 200),
        ("GET", "/static/nothing.css", {}, 404),
        ("GET", "/health", {}, 200),
        ("GET", "/sign-in", BROWSER, 303),
    ):
        answer = await console.request(method, path, headers=head)
        assert answer.status_code == status, (method, path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'self';"), path
        for part in ("base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"):
            assert part in policy, path
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert answer.headers["referrer-policy"] == "same-origin", path
        assert answer.headers["x-frame-options"] == "DENY", path
        assert "strict-transport-security" not in answer.headers


async def test_over_https_browsers_are_held_to_it(open_console: Any) -> None:
    console = await open_console(public_url="https://service.test")
    answer = await console.get("/health")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_pages_are_kept_by_nobody_and_files_by_their_version(open_console: Any) -> None:
    console = await open_console("read")
    page = await console.get("/", headers=BROWSER)
    assert page.headers["cache-control"] == "no-store, private"
    url = page.text.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
    assert url.startswith("/static/console.css?v=")
    assert "immutable" in (await console.get(url)).headers["cache-control"]
    for other in ("/static/console.css", "/static/console.css?v=1", f"{url}&v=2"):
        assert (await console.get(other)).headers["cache-control"] == "no-cache", other


async def test_no_page_asks_for_what_the_policy_forbids(open_console: Any) -> None:
    console = await open_console("read")
    for path in ("/", "/nothing", "/sign-in?next=/heals"):
        text = (await console.get(path, headers=BROWSER)).text
        assert " style=" not in text
        assert " onclick=" not in text
        assert "<script>" not in text
