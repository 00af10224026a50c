"""No state that one replica keeps to itself matters."""

import json
import re
import signal
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

from replicas.conftest import Replicated
from support.running_system import GUIDE_INJECTION, RunningSystem

from selfheal.runtime.waiting import wait_until

PATIENCE_SECONDS = 90
BINARY_SEARCH = "Write a binary search function"
PASSWORD = "correct horse battery"
# More than enough for each replica to be asked.
MANY = 8


def chat(system: RunningSystem, number: int, **headers: str) -> tuple[int, str]:
    text = f"{BINARY_SEARCH}, number {number}"
    body = {"model": "code_generation", "messages": [{"role": "user", "content": text}]}
    answer = system.post("manager", "/v1/chat/completions", body, headers)
    return answer.status, answer.headers.get("x-selfheal-request-id", "")


def test_two_optimizers_heal_once(replicated: Replicated) -> None:
    system = replicated.system
    system.psql(GUIDE_INJECTION)
    for _ in range(3):
        assert system.request(BINARY_SEARCH).json["evaluation_passed"] is False
    promoted = "SELECT count(*) FROM selfheal.healing_runs WHERE decision = 'promoted'"
    assert wait_until(lambda: system.psql(promoted) != "0", timeout_seconds=PATIENCE_SECONDS)
    versions = {system.request(BINARY_SEARCH).json["prompt_version"] for _ in range(MANY)}
    assert versions == {100}
    assert system.psql(promoted) == "1"
    assert system.psql("SELECT count(*) FROM prompts WHERE is_active") == "1"


def test_a_key_that_is_made_holds_at_each_and_one_that_is_revoked_at_none(
    replicated: Replicated,
) -> None:
    system = replicated.system
    made = json.loads(system.selfheal("keys", "create", "app", "--json").stdout)
    try:
        headers = {"Authorization": f"Bearer {made['key']}"}
        # Each Manager looks at the keys twice a second.
        assert wait_until(
            lambda: {chat(system, number, **headers)[0] for number in range(MANY)} == {200},
            timeout_seconds=PATIENCE_SECONDS,
        )
    finally:
        system.selfheal("keys", "revoke", made["id"])
    assert wait_until(
        lambda: {chat(system, number, **headers)[0] for number in range(MANY)} == {401},
        timeout_seconds=PATIENCE_SECONDS,
    )


def test_what_a_killed_manager_answered_is_scored_by_the_other(replicated: Replicated) -> None:
    system, [manager] = replicated.system, replicated.added["manager"]
    asked = [chat(system, number) for number in range(MANY)]
    manager.end(signal.SIGKILL)
    try:
        assert {status for status, _ in asked} == {200}
        pending = "SELECT count(*) FROM selfheal.pending_scores"
        # A lease that the killed one held runs out; here it is let go at once.
        system.psql("UPDATE selfheal.pending_scores SET claimable_at = now()")
        assert wait_until(lambda: system.psql(pending) == "0", timeout_seconds=PATIENCE_SECONDS)
        outcomes = "SELECT DISTINCT evaluation_passed, error_message FROM execution_logs"
        assert system.psql(outcomes) == "t|"
    finally:
        manager.start()


def test_who_signed_in_at_one_console_is_known_at_both_until_signed_out(
    replicated: Replicated,
) -> None:
    system = replicated.system
    create = ("users", "create", "alice", "--role", "admin", "--password-stdin")
    system.selfheal(*create, typed=PASSWORD)
    base_url = f"http://127.0.0.1:{system.port('console')}"
    browser = build_opener(HTTPCookieProcessor())

    def show(path: str, **form: str) -> tuple[str, str]:
        """Read a page, or send a form; gives where that led, and the page."""
        data = urlencode(form).encode() if form else None
        headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
        with browser.open(Request(base_url + path, data, headers), timeout=30) as answer:
            return answer.url.removeprefix(base_url), answer.read().decode()

    def show_form(path: str) -> dict[str, str]:
        token = re.search(r'name="csrf_token" value="([^"]+)"', show(path)[1])
        assert token is not None
        return {"csrf_token": token[1]}

    show("/sign-in", **show_form("/sign-in"), name="alice", password=PASSWORD)
    pages = {show("/settings/people")[0] for _ in range(MANY)}
    assert pages == {"/settings/people"}
    show("/sign-out", **show_form("/settings/people"))
    assert all(show("/settings/people")[0].startswith("/sign-in") for _ in range(MANY))
