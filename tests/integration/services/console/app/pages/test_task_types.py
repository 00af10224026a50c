"""Task types: directories, their problems, golden inputs, and how near traffic is to them."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import pytest
from support.earlier_schema import schema_before_7

from selfheal.task_types.scaffold import write_scaffold
from services.common.task_types import open_task_types

HOSTILE = "<script>alert(1)</script> \u202e \x1b[31mevil"
CODE = open_task_types(None).golden_inputs("code_generation")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A directory with one task type of its own that can be used, and one that can't."""
    write_scaffold(tmp_path, "summaries")
    write_scaffold(tmp_path, "broken")
    (tmp_path / "broken" / "golden_inputs.json").write_text("{", encoding="utf-8")
    return tmp_path


async def log(connection, *inputs: str, version: int = 1) -> None:
    await connection.executemany(
        "INSERT INTO execution_logs"
        " (request_id, task_type, user_input, prompt_version, evaluation_passed)"
        " VALUES (gen_random_uuid(), 'code_generation', $1, $2, TRUE)",
        [(text, version) for text in inputs],
    )


async def serve_prompt(connection, task_type: str) -> None:
    await connection.execute(
        "INSERT INTO prompts (task_type, content, version, created_by) VALUES ($1, 'x', 7, 'kim')",
        task_type,
    )


async def test_what_serves_what_comes_along_and_what_is_broken_is_listed(
    open_console, connection, own
):
    await serve_prompt(connection, HOSTILE)
    client = await open_console("read", task_types_dir=own)
    page = (await client.get("/task-types")).text
    for told in (
        "code_generation",
        "comes with the system",
        "your own",
        "be used",
        "only a prompt",
    ):
        assert told in page
    assert "<script>alert" not in page
    assert "\u202e" not in page


SPEND = """
    INSERT INTO selfheal.spending (at, task_type, purpose, model, calls, unpriced_calls,
        input_tokens, cached_tokens, output_tokens, cost_usd)
    VALUES (now() - $1::interval, $2, 'healing', $3, 5, $4, 1, 0, 1, $5)
"""


async def test_costs_are_told_for_the_day_and_the_month_and_what_has_no_price_apart(
    open_console, connection
):
    assert (
        "No model was asked this month." in (await (await open_console()).get("/task-types")).text
    )
    day = timedelta()
    await connection.execute(SPEND, day, "code_generation", "openai:m", 0, Decimal("1.25"))
    await connection.execute(SPEND, day, "code_generation", HOSTILE, 5, Decimal(0))
    await connection.execute(SPEND, day, "others", "openai:dear", 0, Decimal(1000))
    long_ago = timedelta(days=32)
    await connection.execute(SPEND, long_ago, "code_generation", "openai:m", 0, Decimal(50))
    client = await open_console("read", task_types=["code_generation"])
    page = (await client.get("/task-types")).text
    assert page.count("$1.25") == 4
    assert "5 of 10 calls have no known price" in page
    assert page.count("unknown price") == 2
    assert "healing" in page
    assert "dear" not in page
    assert "$5" not in page
    assert "<script>alert" not in page


async def test_costs_are_left_out_on_a_schema_that_does_not_keep_them(open_console, connection):
    async with schema_before_7(connection):
        page = (await (await open_console()).get("/task-types")).text
    assert "code_generation" in page
    assert "Costs" not in page


async def test_a_broken_directory_is_told_with_its_remedy(open_console, connection, own):
    page = (await (await open_console(task_types_dir=own)).get("/task-types/broken")).text
    assert "golden_inputs.json: it is no valid JSON" in page
    assert "Correct the place that it names." in page


async def test_a_directory_that_takes_a_built_in_name_is_told_and_hides_nothing(
    open_console, connection, tmp_path
):
    write_scaffold(tmp_path, "summaries")
    (tmp_path / "summaries").rename(tmp_path / "code_generation")
    page = (await (await open_console(task_types_dir=tmp_path)).get("/task-types")).text
    assert "comes with the system. Rename the directory" in page
    assert f'data-label="Verdict inputs">{len(CODE.verdict)}</td>' in page


@pytest.mark.parametrize("name", ["bare type", "a/b", "100%"])
async def test_a_type_that_is_only_a_prompt_has_its_page(open_console, connection, name):
    await serve_prompt(connection, name)
    client = await open_console("read")
    listed = (await client.get("/task-types")).text
    assert f'href="/task-types/{quote(name)}"' in listed
    page = (await client.get(f"/task-types/{quote(name)}")).text
    assert "has a prompt and no directory" in page
    assert "Golden inputs alone can prove nothing here: it takes 5 pairs" in page


async def test_an_unknown_one_is_not_found_and_another_s_is_refused(open_console, connection):
    await serve_prompt(connection, "secret_type")
    bound = await open_console("read", task_types=["code_generation"])
    assert (await bound.get("/task-types/secret_type")).status_code == 403
    listed = (await bound.get("/task-types")).text
    assert "secret_type" not in listed
    assert "json_extraction" not in listed
    assert (await (await open_console()).get("/task-types/nothing")).status_code == 404


async def test_what_the_gate_can_prove_follows_from_the_verdict_inputs(
    open_console, connection, own
):
    client = await open_console(task_types_dir=own)
    page = (await client.get("/task-types/code_generation")).text
    assert f"With {len(CODE.verdict)} verdict inputs, of which a proof takes 24" in page
    assert "rises by 21 points or more" in page  # 5 whole wins of 24 pairs
    few = len(open_task_types(own).golden_inputs("summaries").verdict)
    assert few < 5
    told = (await client.get("/task-types/summaries")).text
    assert f"and there are {few} verdict inputs" in told


async def test_recent_inputs_are_compared_with_golden_ones(open_console, connection):
    golden = CODE.verdict[0]
    odd = "Compose a limerick about seventeen purple walruses"
    await log(connection, golden, golden, golden.upper(), odd, f"{odd} dancing", HOSTILE)
    await log(connection, "Of no version at all", version=55)
    page = (await (await open_console("read")).get("/task-types/code_generation")).text
    assert "2 of the last 5 distinct inputs" in page
    assert "2\u00d7" in page
    assert "purple walruses" in page
    assert "Of no version" not in page
    assert "<script>alert" not in page


async def test_long_inputs_are_cut_before_they_are_compared(open_console, connection):
    await log(connection, "word " * 40_000)
    page = (await (await open_console()).get("/task-types/code_generation")).text
    assert "0 of the last 1 distinct inputs" in page
    assert len(page) < 300_000


@pytest.mark.parametrize("scope", ["read", "operate"])
async def test_what_proves_a_repair_is_for_those_who_operate(open_console, connection, scope):
    client = await open_console("read", scope)
    page = (await client.get("/task-types/code_generation")).text
    data = (await client.get("/task-types/json_extraction")).text
    assert CODE.ids[CODE.verdict[0]] in page
    shown = scope == "operate"
    assert ("What the checks expect" in page) is shown
    assert ("<summary>there is one</summary>" in data) is shown
    assert "there is one" in data


async def test_it_speaks_korean(open_console, connection):
    client = await open_console()
    korean = {"accept-language": "ko"}
    assert "판정용 입력" in (await client.get("/task-types", headers=korean)).text
    page = await client.get("/task-types/code_generation", headers=korean)
    assert "통과율이 21%p 이상 오르는 개선을 입증할 수 있습니다" in page.text
