"""Workshop: the guide's steps as they are taken, and the last grading."""

import json

import pytest
from support.running_system import GUIDE_INJECTION

HEALTHY = [{"name": name, "found": "ready"} for name in ("worker", "evaluator")]
GRADING = {
    "score": 83.5,
    "grade": "B",
    "finished_at": "2026-01-01T00:00:00+00:00",
    "dimensions": [
        {
            "title": "Performance",
            "points": 3.5,
            "max_points": 10,
            "deductions": [{"points": 6.5, "message": "<b>slow</b>", "what_to_do": "Hurry."}],
        }
    ],
}


@pytest.fixture
def open_workshop(open_console, connection, tmp_path, monkeypatch):
    """Opens the console in a directory of its own, where a grading may lie."""
    monkeypatch.chdir(tmp_path)

    async def open_it(*scopes: str, checks=HEALTHY, **options):
        client = await open_console(*scopes, workshop=True, **options)
        client.admin.answers["GET", "/condition"] = {"checks": checks, "versions": {}}
        return client

    return open_it


async def done(client) -> list[str]:
    """The steps that are done, by their titles."""
    page = (await client.get("/workshop")).text
    steps = page.split('class="step step--done"')[1:]
    return [one.partition('step__title">')[2].partition("</span>")[0] for one in steps]


async def log(connection, version: int, *, passed: bool, times: int = 1) -> None:
    await connection.executemany(
        "INSERT INTO execution_logs (request_id, task_type, user_input, prompt_version,"
        " evaluation_score, evaluation_passed)"
        " VALUES (gen_random_uuid(), 'code_generation', 'search', $1, $2, $3)",
        [(version, 0.889 if passed else 0.35, passed)] * times,
    )


async def test_there_is_no_workshop_unless_it_is_switched_on(open_console, connection):
    assert (await (await open_console()).get("/workshop")).status_code == 404


async def test_each_step_is_found_when_it_is_taken(open_workshop, connection):
    client = await open_workshop("read")
    started = ["Three tables", "The seed prompt", "Three healthy services"]
    assert await done(client) == started
    await log(connection, 1, passed=True)
    started.append("A request passes under the seed prompt")
    assert await done(client) == started

    await connection.execute(GUIDE_INJECTION)
    started.append("Step 1: Deploy a bad prompt")
    await log(connection, 99, passed=False, times=4)
    assert await done(client) == started
    await log(connection, 99, passed=False)
    started.append("Step 2: Five requests fail")
    assert await done(client) == started

    bad = await connection.fetchval("SELECT id FROM prompts WHERE version = 99")
    run = await connection.fetchval(
        "INSERT INTO selfheal.healing_runs (task_type, incumbent_prompt_id, decision, reason,"
        " detail) VALUES ('code_generation', $1, 'promoted', 'better', '{}') RETURNING id",
        bad,
    )
    page = (await client.get("/workshop")).text
    assert f'href="/heals/{run}"' in page

    await connection.execute("UPDATE prompts SET is_active = FALSE")
    await connection.execute(
        "INSERT INTO prompts (task_type, content, version) VALUES ('code_generation', 'x', 100)"
    )
    assert (await done(client))[-1] == "A new version serves"
    await log(connection, 100, passed=True)
    assert (await done(client))[-1] == "Step 4: The same request passes"


async def test_the_demo_begins_anew_with_another_bad_prompt(open_workshop, connection):
    await connection.execute(GUIDE_INJECTION)
    await log(connection, 99, passed=False, times=5)
    await connection.execute(GUIDE_INJECTION)
    assert "Step 2: Five requests fail" not in await done(await open_workshop())


async def test_a_service_that_is_down_is_told(open_workshop, connection):
    client = await open_workshop(checks=[HEALTHY[0], HEALTHY[1] | {"result": "fail"}])
    assert "Three healthy services" not in await done(client)
    assert "2 / 3" in (await client.get("/workshop")).text


async def test_a_database_that_is_away_is_a_step_not_taken(open_workshop, connection):
    client = await open_workshop()
    await client._transport.app.state.database.close()
    assert await done(client) == ["Three healthy services"]


async def test_the_last_grading_is_shown(open_workshop, tmp_path):
    client = await open_workshop()
    assert "python scripts/benchmark.py" in (await client.get("/workshop")).text
    (tmp_path / "reports").mkdir()
    report = tmp_path / "reports" / "report.json"
    report.write_text(json.dumps(GRADING), encoding="utf-8")
    page = (await client.get("/workshop")).text
    for told in ("83.5", ">B<", "Performance", "3.5 / 10", "&lt;b&gt;slow&lt;/b&gt;", "Hurry."):
        assert told in page


@pytest.mark.parametrize("content", ["{", "[]", '{"score": "much"}', "\udce9"])
async def test_what_is_no_grading_is_told(open_workshop, tmp_path, content):
    (tmp_path / "reports").mkdir()
    report = tmp_path / "reports" / "report.json"
    report.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert "is no report of a grading" in (await (await open_workshop()).get("/workshop")).text


async def test_it_speaks_the_guide_s_korean_and_renews_itself_without_scripts(open_workshop):
    page = await (await open_workshop()).get("/workshop", headers={"accept-language": "ko"})
    assert "망가뜨리고, 복구되는 것을 지켜보기" in page.text
    assert '<noscript><meta http-equiv="refresh"' in page.text


async def test_another_task_type_s_reader_sees_nothing_of_it(open_workshop):
    client = await open_workshop("read", task_types=["other"])
    assert (await client.get("/workshop")).status_code == 403
