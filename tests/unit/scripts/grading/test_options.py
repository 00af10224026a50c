from pathlib import Path

import pytest
from grading.options import parse_options
from grading.run import choose_credentials


def test_the_defaults_are_the_guides() -> None:
    options = parse_options([])
    assert (options.manager_url, options.worker_url, options.evaluator_url) == (
        "http://localhost:8000",
        "http://localhost:8001",
        "http://localhost:8002",
    )
    assert (options.cycles, options.requests, options.output_dir) == (2, 5, Path("reports"))
    assert options.optimizer_command == "docker compose run --rm optimizer"
    assert options.db_host is None
    assert (options.lang, options.yes, options.keep_logs, options.json) == (
        "en", False, False, False,
    )  # fmt: skip


def test_a_key_and_the_token_come_from_the_environment_or_the_flags(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert choose_credentials(parse_options([])) == {"manager": {}, "worker": {}, "evaluator": {}}
    monkeypatch.setenv("SELFHEAL_API_KEY", "sh_1")
    monkeypatch.setenv("INTERNAL_TOKEN", "of-env")
    assert choose_credentials(parse_options(["--internal-token", "t"])) == {
        "manager": {"Authorization": "Bearer sh_1"},
        "worker": {"X-Internal-Token": "t"},
        "evaluator": {"X-Internal-Token": "t"},
    }


def test_the_guides_own_command_is_taken() -> None:
    printed = (
        "--manager-url http://localhost:8000 --worker-url http://localhost:8001 "
        "--evaluator-url http://localhost:8002 --db-host localhost --db-port 5432 "
        "--cycles 2 --requests 5 --output-dir reports"
    )
    options = parse_options(printed.split())
    assert (options.db_host, options.db_port) == ("localhost", 5432)


@pytest.mark.parametrize(
    "wrong",
    ["--cycles=0", "--cycles=21", "--cycles=two", "--requests=2", "--requests=101",
     "--worker-url=ftp://x", "--worker-url=http://", "--worker-url=http://[x",
     "--worker-url=http://a:b:c", "--worker-url=http://localhost:0",
     "--worker-url=http://localhost:65536", "--db-port=0", "--optimizer-timeout=0",
     "--optimizer-timeout=nan", "--request-timeout=soon", "--lang=de",
     "--optimizer-command=", "--optimizer-command=an 'unclosed quote"],
)  # fmt: skip
def test_a_wrong_flag_is_refused_by_its_name(
    wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        parse_options([wrong])
    assert raised.value.code == 2
    assert wrong.partition("=")[0] in capsys.readouterr().err


def test_help_shows_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_options(["--help"])
    said = capsys.readouterr().out
    assert "examples:" in said
    assert "exit codes:" in said
