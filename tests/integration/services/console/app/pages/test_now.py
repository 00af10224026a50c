"""Page 1: how it is now."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.common.record.traffic import floor_to_bucket
from services.manager.app.rollups.counting import count_buckets

Connection = asyncpg.Connection
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


async def serve_long(connection: Connection, task_type: str = "", version: int = 1) -> int:
    """Let what is active have served for days; add another task type."""
    if task_type:
        await connection.execute(
            "INSERT INTO prompts (task_type, content, version) VALUES ($1, '', $2)",
            task_type,
            version,
        )
    await connection.execute(
        "UPDATE selfheal.activations SET activated_at = now() - '9 days'::interval"
    )
    prompt_id: int = await connection.fetchval("SELECT max(id) FROM prompts")
    return prompt_id


async def log_answers(
    connection: Connection,
    outcomes: str,
    *,
    ago: timedelta = 2 * MINUTE,
    task_type: str = "code_generation",
) -> None:
    """Log an answer for each sign: passed (+), failed (-), unscored (?); and count them."""
    now = datetime.now(UTC)
    scores = {"+": (0.9, True, None), "-": (0.4, False, None), "?": (None, None, "no reply")}
    await connection.executemany(
        """
        INSERT INTO execution_logs (request_id, task_type, user_input, prompt_version,
            worker_latency_ms, evaluation_score, evaluation_passed, error_message, created_at)
        VALUES (gen_random_uuid(), $1, 'x', 1, 250, $2, $3, $4, $5)
        """,
        [(task_type, *scores[sign], now - ago) for sign in outcomes],
    )
    first = floor_to_bucket(now) - timedelta(days=31)
    await count_buckets(connection, first, floor_to_bucket(now) + 5 * MINUTE)


async def add_run(
    connection: Connection,
    decision: str,
    *,
    ago: timedelta = MINUTE,
    task_type: str = "code_generation",
    version: int | None = None,
    prompt_id: int = 1,
) -> UUID:
    report_id = version and await connection.fetchval(
        """
        INSERT INTO optimization_reports (task_type, before_prompt_version, before_prompt_content,
            after_prompt_version, after_prompt_content) VALUES ($1, 1, '', $2, '') RETURNING id
        """,
        task_type,
        version,
    )
    run_id: UUID = await connection.fetchval(
        """
        INSERT INTO selfheal.healing_runs (task_type, incumbent_prompt_id, decision, reason,
            verdict, report_id, candidate_id, detail, created_at)
        VALUES ($1, $2, $3, 'why', 'provider', $4, gen_random_uuid(), '{}', now() - $5::interval)
        RETURNING id
        """,
        task_type,
        prompt_id,
        decision,
        report_id,
        ago,
    )
    return run_id


def read_word(page: str) -> str:
    """Read the one sentence on top."""
    [word] = re.findall(r'<p class="verdict">(.*?)</p>', page, re.S)
    return html.unescape(re.sub(r"<[^>]*>", "", word)).strip()


async def test_all_is_well_is_said_in_one_sentence(open_console: Any, connection: Any) -> None:
    await serve_long(connection)
    await log_answers(connection, "++++++++-?")
    answer = await (await open_console("read")).get("/")
    assert answer.status_code == 200
    assert "<h1>Now</h1>" in answer.text
    assert (
        read_word(answer.text)
        == "All is well: nothing needs you. Requests in the last 24 hours: 10."
    )
    assert "last 30 minutes: 8 of 9" in answer.text


async def test_failures_that_pile_up_say_what_to_do(open_console: Any, connection: Any) -> None:
    await serve_long(connection)
    await log_answers(connection, "+---")
    console = await open_console("read")
    page = (await console.get("/")).text
    assert read_word(page).startswith("3 of the last 4 answers of code_generation failed. No Optim")
    assert 'role="alert"' in page
    run_id = await add_run(connection, "held")
    page = (await console.get("/")).text
    assert "The Optimizer looked into it and changed nothing. The model's prov" in read_word(page)
    assert f'href="/heals/{run_id}"' in page


async def test_failures_under_an_earlier_prompt_are_no_alarm(
    open_console: Any, connection: Any
) -> None:
    await log_answers(connection, "----")
    assert read_word((await (await open_console("read")).get("/")).text).startswith("All is well")


async def test_a_heal_that_tries_candidates_is_under_way(
    open_console: Any, connection: Any
) -> None:
    await serve_long(connection)
    await log_answers(connection, "----", ago=8 * MINUTE)
    await connection.execute(
        "INSERT INTO selfheal.candidates (task_type, content, strategy, incumbent_prompt_id)"
        " VALUES ('code_generation', '', 's', 1)"
    )
    console = await open_console("read")
    assert "A heal is under way" in read_word((await console.get("/")).text)
    await add_run(connection, "held", ago=timedelta(seconds=-1))
    assert "looked into it and changed nothing" in read_word((await console.get("/")).text)


async def test_a_proposal_waits_while_its_incumbent_serves(
    open_console: Any, connection: Any
) -> None:
    await serve_long(connection)
    await add_run(connection, "proposed", prompt_id=99)
    console = await open_console("read")
    assert read_word((await console.get("/")).text).startswith("All is well")
    run_id = await add_run(connection, "proposed")
    page = (await console.get("/")).text
    assert read_word(page).startswith("A proven repair of code_generation waits for your answer")
    assert f'href="/heals/{run_id}"' in page
    await connection.execute("UPDATE selfheal.healing_runs SET resolution = 'rejected'")
    assert read_word((await console.get("/")).text).startswith("All is well")


async def test_a_watch_leads_to_the_heal_that_it_came_from(
    open_console: Any, connection: Any
) -> None:
    await serve_long(connection)
    run_id = await add_run(connection, "promoted")
    await connection.execute(
        """
        INSERT INTO selfheal.watches (task_type, prompt_id, before_prompt_id, candidate_id)
        SELECT task_type, 1, 0, candidate_id FROM selfheal.healing_runs
        """
    )
    page = (await (await open_console("read")).get("/")).text
    assert read_word(page).startswith("Version 1 of code_generation was healed and is under watch")
    assert f'href="/heals/{run_id}"' in page


async def test_a_job_that_nobody_takes_and_counts_that_stand_still_are_told(
    open_console: Any, connection: Any
) -> None:
    await serve_long(connection)
    await connection.execute(
        "INSERT INTO selfheal.jobs (kind, requested_by, created_at)"
        " VALUES ('message', 'ada', now() - '20 minutes'::interval)"
    )
    await connection.execute(
        "INSERT INTO selfheal.leases VALUES ('traffic', 'x', now() - '20 minutes'::interval)"
    )
    page = (await (await open_console("read")).get("/")).text
    assert read_word(page).startswith("No Optimizer takes what was asked of it.")
    assert "No Manager counts the requests any more" in page


async def test_a_card_says_what_serves_and_how_it_does(open_console: Any, connection: Any) -> None:
    await serve_long(connection)
    await log_answers(connection, "+++-", ago=2 * HOUR)
    await connection.execute("UPDATE selfheal.traffic SET input_tokens = 1200, output_tokens = 34")
    await connection.execute(
        "UPDATE selfheal.traffic SET bucket = $1", floor_to_bucket(datetime.now(UTC))
    )
    page = (await (await open_console("read")).get("/")).text
    assert "Version 1</a>" in page
    assert "by system, since" in re.sub(r"\s+", " ", page)
    for label, value in [
        ("Pass rate", "75.0 %"),
        ("Mean score", "0.775"),
        ("Requests", "4"),
        ("Mean latency", "250 ms"),
        ("Tokens today", "1,234"),
    ]:
        assert f"<dt>{label}</dt><dd>{value}</dd>" in page


async def test_the_series_has_gaps_and_what_happened(open_console: Any, connection: Any) -> None:
    await serve_long(connection)
    await log_answers(connection, "++--", ago=3 * HOUR)
    await log_answers(connection, "+", ago=6 * HOUR)
    for minutes in (181, 186, 191):
        await add_run(connection, "held", ago=minutes * MINUTE)
    await add_run(connection, "promoted", ago=100 * MINUTE, version=2)
    for version, ago in ((2, 100 * MINUTE), (3, HOUR)):
        await connection.execute(
            "INSERT INTO selfheal.activations (prompt_id, task_type, version, activated_at)"
            " VALUES (9, 'code_generation', $1, now() - $2::interval)",
            version,
            ago,
        )
    console = await open_console("read")
    series = (await console.get("/now/series.json?task_type=code_generation")).json()
    assert len(series["at"]) == 24 * 4
    assert {
        later - sooner for sooner, later in zip(series["at"], series["at"][1:], strict=False)
    } == {900}
    assert [rate for rate in series["pass_rate"] if rate is not None] == [1, 0.5]
    assert sum(series["requests"]) == 5
    told = [(event["kind"], event["version"], event["times"]) for event in series["events"]]
    assert told == [("alarm", None, 3), ("heal", 2, 1), ("deploy", 3, 1)]
    page = (await console.get("/")).text
    rows = re.findall(r"(Deployed|Healed|Alarm)(?:</a>)?(?: <span class=\"quiet\">.*?)?</td>", page)
    assert rows == ["Deployed", "Healed", "Alarm"]
    assert page.count("<td>") > 5


async def test_each_span_is_a_url(open_console: Any, connection: Any) -> None:
    await serve_long(connection)
    await log_answers(connection, "+", ago=timedelta(days=5))
    console = await open_console("read")
    for span, places, requests in (("1h", 12, 0), ("7d", 84, 1), ("30d", 120, 1)):
        url = f"/now/series.json?task_type=code_generation&span={span}"
        series = (await console.get(url)).json()
        assert (len(series["at"]), sum(series["requests"])) == (places, requests)
        page = (await console.get(f"/?span={span}")).text
        assert re.search(rf'span={span}" aria-current="true"', page)
        assert ("No request came in this time, and" in page) == (not requests)
    assert (await console.get("/?span=2h")).status_code == 422
    for query in ("task_type=x&span=2h", "task_type=%00", "span=1h"):
        assert (await console.get(f"/now/series.json?{query}")).status_code == 422


async def test_another_task_types_rows_are_not_shown(open_console: Any, connection: Any) -> None:
    await serve_long(connection, "secret_work")
    await log_answers(connection, "----", task_type="secret_work")
    await add_run(connection, "rolled_back", task_type="secret_work")
    await connection.execute(
        "INSERT INTO selfheal.jobs (kind, task_type, requested_by, created_at)"
        " VALUES ('draft', 'secret_work', 'eve', now() - '20 minutes'::interval)"
    )
    console = await open_console("read", task_types=["code_generation"])
    page = (await console.get("/")).text
    assert read_word(page).startswith(
        "All is well: nothing needs you. Requests in the last 24 hours: 0."
    )
    assert "secret_work" not in page
    assert "secret_work" not in (await console.get("/?task_type=secret_work")).text.replace(
        "task_type=secret_work", ""
    )
    assert (await console.get("/now/series.json?task_type=secret_work")).status_code == 403
    assert (await console.get("/now/series.json?task_type=code_generation")).status_code == 200


async def test_the_gravest_task_type_comes_first_and_one_can_be_shown_alone(
    open_console: Any, connection: Any
) -> None:
    await serve_long(connection, "zeta")
    await log_answers(connection, "----", task_type="zeta")
    console = await open_console("read")
    names = re.findall(r"<h2><a [^>]*>(.*?)</a>", (await console.get("/")).text)
    assert names == ["zeta", "code_generation"]
    page = (await console.get("/?span=7d&task_type=code_generation")).text
    assert re.findall(r"<h2><a [^>]*>(.*?)</a>", page) == ["code_generation"]
    assert 'href="/?span=7d"' in page
    assert "No prompt serves this task type" in (await console.get("/?task_type=nobody")).text


async def test_of_many_task_types_the_others_are_links(open_console: Any, connection: Any) -> None:
    for number in range(14):
        await serve_long(connection, f"kind_{number:02d}")
    page = (await (await open_console("read")).get("/")).text
    assert page.count("<article") == 12
    assert 'href="/?task_type=kind_13"' in page


async def test_hostile_text_is_shown_as_text(open_console: Any, connection: Any) -> None:
    name, reason = "<script>a\u202e", "<img src=x onerror=alert(1)>\x1b[31m\u202e" + "y" * 200_000
    await connection.execute(
        "INSERT INTO prompts (task_type, content, change_reason, created_by)"
        " VALUES ($1, '', $2, $3)",
        name,
        reason,
        "</script>%(x)s",
    )
    await serve_long(connection)
    await log_answers(connection, "---", task_type=name)
    page = (await (await open_console("read")).get("/")).text
    assert not re.search(r"<script>a|<img src=x|</script>%|[\x1b\u202e]", page)
    assert "&lt;script&gt;a" in read_word(page).replace("<", "&lt;").replace(">", "&gt;")
    assert len(page) < 100_000


async def test_without_a_prompt_it_says_what_to_do_next(open_console: Any, connection: Any) -> None:
    await connection.execute("UPDATE prompts SET is_active = FALSE")
    page = (await (await open_console("read")).get("/")).text
    assert "selfheal tasks enable NAME" in page
    assert "<article" not in page


async def test_it_speaks_korean(open_console: Any, connection: Any) -> None:
    await serve_long(connection)
    await log_answers(connection, "----")
    console = await open_console("read")
    answer = await console.get("/", headers={"accept-language": "ko-KR,ko;q=0.9,en;q=0.5"})
    assert '<html lang="ko">' in answer.text
    assert "<h1>지금</h1>" in answer.text
    word = read_word(answer.text)
    assert word.startswith("code_generation의 최근 응답 4건 가운데 4건이 통과하지 못했습니다.")
    visible = re.sub(r"<[^>]*>|code_generation|Version|Self-Healing", "", answer.text)
    assert "Pass rate" not in visible


async def test_a_text_that_lost_to_a_repair_and_serves_again_is_told(
    open_console: Any, connection: Connection
) -> None:
    await serve_long(connection, "poems")
    run_id = await add_run(connection, "promoted", task_type="poems", version=2, ago=2 * HOUR)
    page = (await (await open_console()).get("/")).text
    assert "a text that a repair was proven better than" in page
    assert f'href="/heals/{run_id}"' in page

    # The repair did worse in service: going back was right.
    await connection.execute(
        "INSERT INTO selfheal.watches (task_type, prompt_id, before_prompt_id, report_id, outcome)"
        " SELECT task_type, 1, 1, report_id, 'rolled_back' FROM selfheal.healing_runs"
    )
    page = (await (await open_console()).get("/")).text
    assert "a text that a repair was proven better than" not in page
