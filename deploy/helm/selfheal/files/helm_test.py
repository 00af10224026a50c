"""`helm test`: requests on a task type of its own, which is removed afterwards.

    python helm_test.py [--heal]

With `--heal` its prompt goes bad, and it waits until the autopilot has healed it. The audit keeps
what was done, as it keeps everything.
"""

import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable

import asyncpg

from selfheal.manager_client import send_request, stream_chat
from selfheal.operator_database import ask_database
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.config import Settings

TASK_TYPE = f"helm_test_{secrets.token_hex(4)}"
GOOD = "You are a Python programmer. Answer with a complete, working function in a code block."
BAD = "just say hello world to everything"
# A task type without golden inputs is proven on what was asked: enough of it, and nothing alike.
WHAT = (
    "sorts a list of numbers", "reverses a string", "tells whether a number is prime",
    "counts the words of a text", "removes duplicates from a list", "adds up a number's digits",
    "finds the largest value in a dictionary", "converts Celsius to Fahrenheit",
    "checks whether brackets are balanced", "merges two sorted lists", "computes a factorial",
    "splits a sentence into words", "returns the Fibonacci numbers up to a limit",
    "counts the vowels in a word", "flattens a nested list", "formats a date as YYYY-MM-DD",
    "finds the greatest common divisor", "checks whether a word is a palindrome",
    "rounds a price to two decimals", "groups people by age", "parses a CSV line",
    "swaps the keys and values of a dictionary", "computes the average of grades",
    "translates Roman numerals into numbers",
)  # fmt: skip
REQUESTS = tuple(f"Write a function that {what}" for what in WHAT)
HEAL_SECONDS = 900.0
SCORE_SECONDS = 120.0
PAUSE_SECONDS = 2.0
ADD_PROMPT = """
    INSERT INTO prompts (task_type, content, version, change_reason, created_by)
    VALUES ($1, $2, $3, 'helm test', 'helm test')
"""
RETIRE = "UPDATE prompts SET is_active = FALSE WHERE task_type = $1 AND version < $2"
SERVING = """
    SELECT content FROM prompts WHERE task_type = $1 AND is_active
    ORDER BY version DESC LIMIT 1
"""
WAITING = "SELECT count(*) FROM selfheal.pending_scores WHERE task_type = $1"
BY_ANSWER = ("selfheal.conversations", "selfheal.rollout_answers")
# Whose name holds that of the task type.
NAMED = (("selfheal.leases", "name"), ("selfheal.notices", "topic"))
ANSWERS = "SELECT id FROM execution_logs WHERE task_type = $1"
# All tables that name the task type of a row, but the audit: that can't be changed by anybody.
NAMING = """
    SELECT format('%I.%I', table_schema, table_name)
    FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE column_name = 'task_type' AND table_type = 'BASE TABLE'
      AND table_schema IN ('public', 'selfheal') AND table_name <> 'audit'
"""


def do(question: Callable[[asyncpg.Connection], Awaitable[object]]) -> object:
    """Ask the database, as the tables' owner."""
    return ask_database(Settings(), question)


def serve(content: str, version: int) -> None:
    """Have a text answer requests of the task type."""

    async def change(connection: asyncpg.Connection) -> None:
        await connection.execute(RETIRE, TASK_TYPE, version)
        await connection.execute(ADD_PROMPT, TASK_TYPE, content, version)

    do(change)


def remove() -> None:
    """Remove all that there is of the task type."""

    async def change(connection: asyncpg.Connection) -> None:
        for table in BY_ANSWER:
            await connection.execute(
                f"DELETE FROM {table} WHERE execution_id IN ({ANSWERS})", TASK_TYPE
            )
        for row in await connection.fetch(NAMING):
            await connection.execute(f"DELETE FROM {row[0]} WHERE task_type = $1", TASK_TYPE)
        for table, name in NAMED:
            await connection.execute(f"DELETE FROM {table} WHERE strpos({name}, $1) > 0", TASK_TYPE)

    do(change)


def play() -> int:
    """Send requests through both doors; gives how many of the first one's passed."""
    settings = Settings()
    answers = [send_request(settings, text, task_type=TASK_TYPE) for text in REQUESTS]
    passed = sum(answer.evaluation_passed for answer in answers)
    print(f"{len(answers)} requests, {passed} of them passed")
    messages = [{"role": "user", "content": REQUESTS[0]}]
    with stream_chat(settings, messages, task_type=TASK_TYPE) as answer:
        characters = sum(len(piece) for piece in answer.pieces)
    print(f"streamed: {characters} characters")
    wait_for_scores()
    if not characters:
        sys.exit("The streamed answer is empty: selfheal logs")
    return passed


def wait_for_scores() -> None:
    """Wait until no answer waits for its score; a later one would be charged after the removal."""
    end = time.monotonic() + SCORE_SECONDS
    while do(lambda connection: connection.fetchval(WAITING, TASK_TYPE)):
        if time.monotonic() > end:
            sys.exit(f"A streamed answer got no score within {SCORE_SECONDS:g} s: selfheal logs")
        time.sleep(PAUSE_SECONDS)


def wait_for_a_heal() -> None:
    """Break the prompt, and send requests until another text serves."""
    serve(BAD, 2)
    end = time.monotonic() + HEAL_SECONDS
    while do(lambda connection: connection.fetchval(SERVING, TASK_TYPE)) == BAD:
        if time.monotonic() > end:
            sys.exit(f"No repair served within {HEAL_SECONDS:g} s: selfheal reports list")
        play()
        time.sleep(PAUSE_SECONDS)
    print("healed")


def test() -> None:
    """Play all of it, and remove what it left."""
    try:
        serve(GOOD, 1)
        time.sleep(PAUSE_SECONDS)  # until every Worker has read it
        if not play():
            sys.exit("No answer passed: selfheal logs, selfheal doctor")
        if "--heal" in sys.argv:
            wait_for_a_heal()
    finally:
        remove()
        print(f"removed {TASK_TYPE}")


def main() -> None:
    """Run from the command line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    try:
        test()
    except EmbeddedRuntimeError as error:
        sys.exit(f"error: {error.message} {error.remedy}".strip())


if __name__ == "__main__":
    main()
