from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from support.rows import for_each

from selfheal.task_types.scaffold import write_scaffold
from services.common.config import Settings, explain_problems
from services.common.settings.retention import RetentionSettings
from services.common.task_types.registry import TaskTypes
from services.common.task_types.task_type import TaskTypeError
from services.manager.app.retention.rules import Rule, plan_rules


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def write_own(directory: Path, **contents: str) -> TaskTypes:
    for name, content in contents.items():
        write_scaffold(directory, name)
        (directory / name / "retention.toml").write_text(content)
    return TaskTypes(directory)


def settings_of(*days: int | None) -> RetentionSettings:
    log_days, body_days = days
    return RetentionSettings(log_retention_days=log_days, body_retention_days=body_days)


@for_each(
    [
        ((None, None), set()),
        ((30, None), {("rows", 30), ("texts", 30)}),
        ((None, 7), {("texts", 7)}),
        ((30, 7), {("rows", 30), ("texts", 7)}),
        ((30, 30), {("rows", 30), ("texts", 30)}),
    ]
)
def test_what_is_unset_is_kept_and_texts_go_with_their_rows_at_the_latest(
    row: tuple[tuple[int | None, int | None], set[tuple[str, int]]], tmp_path: Path
) -> None:
    days, expected = row
    rules = plan_rules(settings_of(*days), TaskTypes(tmp_path))
    assert {(rule.kind, rule.days) for rule in rules} == expected
    assert all(rule.is_default and not rule.task_types for rule in rules)


def test_a_task_types_own_file_comes_before_the_settings(tmp_path: Path) -> None:
    own = write_own(
        tmp_path / "own",
        a="log_days = 90",
        b='log_days = "forever"\nbody_days = 2',
        c="log_days = 90",
        d='log_days = "forever"\nbody_days = "forever"',
        e="",
    )
    assert plan_rules(settings_of(30, 7), own) == [
        Rule("rows", 30, ("a", "b", "c", "d"), is_default=True),
        Rule("texts", 7, ("a", "b", "c", "d"), is_default=True),
        Rule("rows", 90, ("a", "c")),
        Rule("texts", 7, ("a", "c")),
        Rule("texts", 2, ("b",)),
    ]


def test_what_a_file_says_must_go_with_what_the_settings_say(tmp_path: Path) -> None:
    own = write_own(tmp_path / "own", a="log_days = 5")
    with pytest.raises(
        TaskTypeError, match=r"retention\.toml: BODY.* must be at most LOG_RETENTION_DAYS \(5\)"
    ):
        plan_rules(settings_of(30, 7), own)
    short = RetentionSettings(optimizer_lookback_minutes=10_080)
    with pytest.raises(TaskTypeError, match="OPTIMIZER_LOOKBACK_MINUTES"):
        plan_rules(short, own)


@for_each(["log_days = 0", "log_days = -1", "body_days = 1.5", 'log_days = "ever"', "days = 3"])
def test_what_no_retention_can_be_is_refused(content: str, tmp_path: Path) -> None:
    own = write_own(tmp_path / f"own{abs(hash(content))}", a=content)
    with pytest.raises(TaskTypeError, match=r"retention\.toml"):
        plan_rules(settings_of(None, None), own)


@for_each(
    [
        ({"log_retention_days": 7, "body_retention_days": 8}, "BODY_RETENTION_DAYS", "at most LOG"),
        ({"log_retention_days": 0}, "LOG_RETENTION_DAYS", "greater than or equal to 1"),
        ({"body_retention_days": 40_000}, "BODY_RETENTION_DAYS", "less than or equal to 36500"),
        (
            {"log_retention_days": 6, "optimizer_lookback_minutes": 10_080},
            "LOG_RETENTION_DAYS",
            "OPTIMIZER_LOOKBACK_MINUTES (10080)",
        ),
        (
            {"body_retention_days": 6, "optimizer_lookback_minutes": 10_080},
            "BODY_RETENTION_DAYS",
            "OPTIMIZER_LOOKBACK_MINUTES (10080)",
        ),
    ]
)
def test_settings_that_contradict_each_other_are_named(
    row: tuple[dict[str, Any], str, str],
) -> None:
    values, name, words = row
    with pytest.raises(ValidationError) as caught:
        RetentionSettings(**values)
    [(told, problem)] = explain_problems(caught.value).items()
    assert told == name
    assert words in problem
