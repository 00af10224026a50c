"""The Optimizer's entry point: wired from settings, run once, on real services' addresses."""

from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from services.common.config import Settings
from services.common.errors import DatabaseUnavailableError, UpstreamError
from services.common.models import Prompt
from services.optimizer.app import main as entry_point
from services.optimizer.app.main import main, optimize

Connection = asyncpg.Connection
Deploy = Callable[..., Awaitable[int]]
LogResult = Callable[..., Awaitable[None]]
LoadActive = Callable[[], Awaitable[Prompt]]
MakeSettings = Callable[..., Settings]
Siblings = Any  # of the conftest, which can't be imported


@pytest.fixture
def settings(make_settings: MakeSettings, siblings: Siblings) -> Settings:
    return make_settings(
        worker_url=siblings.worker_url,
        evaluator_url=siblings.evaluator_url,
        internal_token="a-token-for-tests",
    )


async def test_one_run_heals_a_failing_prompt(
    settings: Settings,
    deploy: Deploy,
    log_result: LogResult,
    siblings: Siblings,
    load_active: LoadActive,
) -> None:
    await deploy()
    await log_result(times=5)
    outcomes = await optimize(settings)
    assert outcomes["code_generation"].promoted
    assert (await load_active()).version == 100
    assert set(siblings.tokens) == {("worker", "a-token-for-tests"), ("evaluator", None)}
    assert len(siblings.tasks) <= settings.max_calls


async def test_the_report_says_who_triggered_it(
    make_settings: MakeSettings,
    siblings: Siblings,
    connection: Connection,
    deploy: Deploy,
    log_result: LogResult,
) -> None:
    await deploy()
    await log_result(times=5)
    await optimize(
        make_settings(
            worker_url=siblings.worker_url,
            evaluator_url=siblings.evaluator_url,
            optimizer_triggered_by="mentor",
        )
    )
    rows = await connection.fetch("SELECT triggered_by FROM optimization_reports")
    assert [row["triggered_by"] for row in rows] == ["mentor"]


@pytest.mark.parametrize(
    ("values", "heals"),
    [
        pytest.param({}, False, id="defaults"),
        pytest.param({"optimizer_failure_threshold": 2}, True, id="threshold"),
        pytest.param({"optimizer_lookback_minutes": 60}, True, id="lookback"),
    ],
)
async def test_threshold_and_lookback_are_settings(
    make_settings: MakeSettings,
    siblings: Siblings,
    deploy: Deploy,
    log_result: LogResult,
    age: Callable[..., Awaitable[None]],
    *,
    values: dict[str, Any],
    heals: bool,
) -> None:
    await deploy()
    await age(minutes=600)
    await log_result(times=2)
    await log_result(minutes_ago=45)
    urls = {"worker_url": siblings.worker_url, "evaluator_url": siblings.evaluator_url}
    assert bool(await optimize(make_settings(**urls, **values))) is heals


async def test_where_nothing_fails_no_sibling_is_asked(
    settings: Settings, siblings: Siblings
) -> None:
    with capture_logs() as logs:
        assert await optimize(settings) == {}
    assert "no task types need optimization" in [entry["event"] for entry in logs]
    assert siblings.tasks == []


async def test_a_worker_that_is_down_is_an_error_that_changes_nothing(
    make_settings: MakeSettings,
    connection: Connection,
    deploy: Deploy,
    log_result: LogResult,
    unused_tcp_port: int,
) -> None:
    await deploy()
    await log_result(times=5)
    with pytest.raises(UpstreamError, match="worker can't be reached"):
        await optimize(make_settings(worker_url=f"http://127.0.0.1:{unused_tcp_port}"))
    assert await connection.fetchval("SELECT version FROM prompts WHERE is_active") == 99


async def test_a_database_that_is_down_is_an_error_with_a_remedy(
    make_settings: MakeSettings, unused_tcp_port: int
) -> None:
    url = f"postgresql://agent:secret@127.0.0.1:{unused_tcp_port}/agent_system"
    with pytest.raises(DatabaseUnavailableError, match="Check that PostgreSQL runs") as caught:
        await optimize(make_settings(database_url=url))
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("outcome", "exit_code", "told"),
    [
        pytest.param(None, None, None, id="done"),
        pytest.param(
            UpstreamError("down", upstream="worker", upstream_code="x"),
            1,
            {"event": "optimization_failed", "code": "worker_failed"},
            id="a-service-failed",
        ),
        pytest.param(
            asyncpg.UniqueViolationError("a value"),
            1,
            {"event": "optimization_failed", "code": "database_error"},
            id="the-database-refused",
        ),
        pytest.param(
            KeyboardInterrupt(), 1, {"event": "optimization_interrupted"}, id="interrupted"
        ),
    ],
)
def test_the_exit_code_tells_how_it_went(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    outcome: BaseException | None,
    exit_code: int | None,
    told: dict[str, str] | None,
) -> None:
    async def run(settings: Settings) -> None:
        if outcome is not None:
            raise outcome

    monkeypatch.chdir(tmp_path)  # where no .env lies
    monkeypatch.setattr(entry_point, "optimize", run)
    monkeypatch.setattr(entry_point, "configure_logging", lambda *args: None)
    with capture_logs() as logs:
        if exit_code is None:
            main()
        else:
            with pytest.raises(SystemExit) as caught:
                main()
            assert caught.value.code == exit_code
    events = Counter(entry["event"] for entry in logs)
    assert events == Counter([told["event"]] if told else [])
    assert all(told is not None and told.items() <= entry.items() for entry in logs)


def test_a_wrong_setting_is_named_and_exits_with_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPTIMIZER_FAILURE_THRESHOLD", "many-and-secret")
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    message = capsys.readouterr().err
    assert "OPTIMIZER_FAILURE_THRESHOLD" in message
    assert "many-and-secret" not in message
