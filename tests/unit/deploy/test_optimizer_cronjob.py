import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
from pydantic import SecretStr, ValidationError
from support.pods import parse_quantity

from services.common.config import OptimizerSettings, Settings

# From the first with both batch/v1 CronJobs and pod security admission for good.
KUBERNETES_VERSIONS = ("1.25", "1.28", "1.31", "1.34", kubernetes_validate.latest_version())
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_KEY = re.compile(
    r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?"
)
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
# A CronJob's name is cut short by the 11 characters that its Jobs' names add.
LONGEST_CRON_JOB_NAME = 52
MEBIBYTE = 1024**2
CRON_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("week", 0, 6))
INTERVAL = timedelta(minutes=5)


@pytest.fixture
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["containers"]
    found: dict[str, Any] = only
    return found


@pytest.fixture
def variables(container: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {variable["name"]: variable for variable in container["env"]}
    assert len(found) == len(container["env"]), "a variable is set twice"
    return found


def secret_settings() -> set[str]:
    return {
        name.upper()
        for name, setting in OptimizerSettings.model_fields.items()
        if "SecretStr" in str(setting.annotation) or isinstance(setting.default, SecretStr)
    }


def parse_cron_field(text: str, first: int, last: int) -> set[int]:
    """The values that a field of a cron line stands for: lists of `*`, `a`, `a-b`, each `/step`."""
    values: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        start, _, end = (f"{first}-{last}" if span == "*" else span).partition("-")
        stop = int(end or (last if step else start))
        assert first <= int(start) <= stop <= last, f"{part!r} is out of {first}-{last}"
        values.update(range(int(start), stop + 1, int(step or 1)))
    return values


def find_runs(schedule: str, start: datetime, end: datetime) -> list[datetime]:
    """The minutes of [start, end) at which a cron line runs."""
    fields = zip(schedule.split(), CRON_FIELDS, strict=True)
    allowed = {name: parse_cron_field(text, first, last) for text, (name, first, last) in fields}
    minutes = (start + timedelta(minutes=n) for n in range((end - start) // timedelta(minutes=1)))
    return [
        moment
        for moment in minutes
        if moment.minute in allowed["minute"]
        and moment.hour in allowed["hour"]
        and moment.day in allowed["day"]
        and moment.month in allowed["month"]
        and moment.isoweekday() % 7 in allowed["week"]
    ]


def names_in(node: object) -> Iterator[str]:
    """Every value of a key `name` that names an object, a container or a volume."""
    if isinstance(node, list):
        for item in node:
            yield from names_in(item)
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "name":
                yield value
            elif key != "env":
                yield from names_in(value)


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_kubernetes_takes_the_manifest(cron_job: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(cron_job, version, strict=True)


def test_a_misspelt_field_would_not_pass(cron_job: dict[str, Any]) -> None:
    cron_job["spec"]["concurencyPolicy"] = cron_job["spec"].pop("concurrencyPolicy")
    with pytest.raises(kubernetes_validate.ValidationError, match="concurencyPolicy"):
        kubernetes_validate.validate(cron_job, KUBERNETES_VERSIONS[-1], strict=True)


@pytest.mark.parametrize(
    "day", [datetime(2026, 12, 31, tzinfo=UTC), datetime(2028, 2, 28, tzinfo=UTC)]
)
def test_the_cron_line_fires_every_five_minutes(cron_job: dict[str, Any], day: datetime) -> None:
    runs = find_runs(cron_job["spec"]["schedule"], day, day + timedelta(days=4))
    assert runs == [day + n * INTERVAL for n in range(4 * 24 * 12)]


@pytest.mark.parametrize(
    ("schedule", "minutes"),
    [
        ("7 * * * *", [7]),
        ("*/25 * * * *", [0, 25, 50]),
        ("50/5 * * * *", [50, 55]),
        ("1-3,40 * * * *", [1, 2, 3, 40]),
        ("*/5 3 * * *", []),
        ("*/5 * 1 * *", []),
        ("*/5 * * 2 *", []),
        ("*/5 * * * 1", []),
    ],
)
def test_cron_lines_are_read_as_cron_reads_them(schedule: str, minutes: list[int]) -> None:
    sunday = datetime(2027, 1, 3, 12, tzinfo=UTC)
    runs = find_runs(schedule, sunday, sunday + timedelta(hours=1))
    assert [run.minute for run in runs] == minutes


def test_names_are_dns_labels(cron_job: dict[str, Any]) -> None:
    metadata = cron_job["metadata"]
    assert len(metadata["name"]) <= LONGEST_CRON_JOB_NAME
    names = [metadata["name"], metadata["namespace"], *names_in(cron_job["spec"])]
    assert len(names) > 5
    assert [name for name in names if not LABEL.fullmatch(name)] == []


def test_labels_are_valid_and_on_every_object(cron_job: dict[str, Any]) -> None:
    job = cron_job["spec"]["jobTemplate"]
    labels = cron_job["metadata"]["labels"]
    assert labels["app.kubernetes.io/component"] == "optimizer"
    for key, value in labels.items():
        assert LABEL_KEY.fullmatch(key)
        assert LABEL_VALUE.fullmatch(value)
    assert job["metadata"]["labels"] == labels
    assert job["spec"]["template"]["metadata"]["labels"] == labels


def test_runs_never_overlap_and_a_missed_one_is_made_up_for(cron_job: dict[str, Any]) -> None:
    spec = cron_job["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    # Below 10 s the controller, which looks every 10 s, may start nothing at all.
    assert 10 < spec["startingDeadlineSeconds"] < INTERVAL.total_seconds()


def test_a_failed_run_is_left_to_the_next_one_and_kept_for_a_look(cron_job: dict[str, Any]) -> None:
    spec = cron_job["spec"]
    job = spec["jobTemplate"]["spec"]
    assert job["backoffLimit"] == 0
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    assert 1 <= spec["successfulJobsHistoryLimit"] <= 10
    assert 1 <= spec["failedJobsHistoryLimit"] <= 10
    assert job["ttlSecondsAfterFinished"] >= 8 * 3600, "a night's failure is gone in the morning"


def test_the_job_outlasts_what_the_optimizer_itself_may_take(
    cron_job: dict[str, Any], variables: dict[str, dict[str, Any]]
) -> None:
    heal_seconds = int(variables["OPTIMIZER_DEADLINE_SECONDS"]["value"])
    # An alarm's replays and a heal have a deadline each: room for two task types that need both.
    job_seconds = cron_job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"]
    assert job_seconds >= 2 * 2 * heal_seconds


def test_every_variable_is_a_setting(variables: dict[str, dict[str, Any]]) -> None:
    assert {name for name in variables if name.lower() not in Settings.model_fields} == set()
    assert all(name.isupper() for name in variables)


def test_plain_values_are_valid_settings(variables: dict[str, dict[str, Any]]) -> None:
    plain = {name.lower(): one["value"] for name, one in variables.items() if "value" in one}
    settings = Settings(_env_file=None, **plain)
    assert settings.optimizer_triggered_by == "cronjob"
    for service in ("worker", "evaluator"):
        url = urlsplit(getattr(settings, f"{service}_url"))
        assert url.hostname == service
        assert url.port == Settings.model_fields[f"{service}_port"].default


def test_secrets_come_from_the_secret_and_nothing_else_does(
    variables: dict[str, dict[str, Any]],
) -> None:
    secret = secret_settings()
    assert {"DATABASE_URL", "INTERNAL_TOKEN", "LLM_API_KEY"} <= secret
    # A way past a pooler comes where the chart's values say that there is one.
    secret -= {"DATABASE_DIRECT_URL"}
    assert {name for name, one in variables.items() if "valueFrom" in one} == secret
    references = {name: variables[name]["valueFrom"]["secretKeyRef"] for name in secret}
    assert {name: one["key"] for name, one in references.items()} == {n: n for n in secret}
    assert all(DATA_KEY.fullmatch(one["key"]) for one in references.values())
    assert {one["name"] for one in references.values()} == {"selfheal-credentials"}
    needed = {name for name, one in references.items() if not one.get("optional")}
    assert needed == {"DATABASE_URL", "INTERNAL_TOKEN"}


def test_a_service_link_would_be_a_wrong_setting_so_there_are_none(pod: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="worker_port"):
        Settings.model_validate({"worker_port": "tcp://10.0.0.1:8001"})
    assert pod["enableServiceLinks"] is False


def test_requests_stay_within_limits(container: dict[str, Any]) -> None:
    resources = container["resources"]
    assert resources["requests"].keys() == resources["limits"].keys()
    for name, limit in resources["limits"].items():
        assert 0 < parse_quantity(resources["requests"][name]) <= parse_quantity(limit)


def test_quantities_have_the_unit_that_is_meant(
    pod: dict[str, Any], container: dict[str, Any], compose: dict[str, Any]
) -> None:
    # 512m of memory is half a byte.
    requests, limits = container["resources"]["requests"], container["resources"]["limits"]
    assert parse_quantity(requests["memory"]) >= 96 * MEBIBYTE
    assert compose["services"]["optimizer"]["mem_limit"] == "512m"  # Compose's m is mebibytes
    assert parse_quantity(limits["memory"]) == 512 * MEBIBYTE
    assert Decimal("0.05") <= parse_quantity(requests["cpu"]) <= 1
    (volume,) = pod["volumes"]
    room = parse_quantity(volume["emptyDir"]["sizeLimit"])
    assert MEBIBYTE <= room <= parse_quantity(limits["ephemeral-storage"])


@pytest.mark.parametrize("text", ["", "1 Gi", "1gi", "-1", "64MB", "1,5", ".5Gi"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(AssertionError, match="no quantity"):
        parse_quantity(text)


def test_the_image_is_the_one_that_compose_builds(
    root: Path, cron_job: dict[str, Any], container: dict[str, Any], compose: dict[str, Any]
) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert container["image"] == compose["services"]["optimizer"]["image"]
    assert container["image"].rpartition(":")[2] == project["version"]
    assert cron_job["metadata"]["labels"]["app.kubernetes.io/version"] == project["version"]


def test_the_image_itself_says_what_runs_and_as_whom(
    root: Path, pod: dict[str, Any], container: dict[str, Any]
) -> None:
    dockerfile = (root / "Dockerfile").read_text(encoding="utf-8")
    stages = dict(re.findall(r"^FROM \S+ AS (\w+)\n(.*?)(?=^FROM|\Z)", dockerfile, re.M | re.S))
    assert 'ENTRYPOINT ["python", "-P", "-m", "services", "optimizer"]' in stages["optimizer"]
    assert not container.keys() & {"command", "args"}
    (waiting,) = pod["initContainers"]
    assert 'ENTRYPOINT ["python", "-P", "-m", "selfheal.entry"]' in stages["selfheal"]
    assert waiting["args"] == ["migrate", "--wait=600"]
    assert waiting["env"] == [one for one in container["env"] if one["name"] == "DATABASE_URL"]
    user, group = pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsGroup"]
    assert f"USER {user}:{group}\n" in stages["runtime"]


def test_the_readme_names_what_the_manifest_names(
    root: Path, cron_job: dict[str, Any], variables: dict[str, dict[str, Any]]
) -> None:
    readme = (root / "deploy/kubernetes/README.md").read_text(encoding="utf-8")
    namespace = cron_job["metadata"]["namespace"]
    assert f"kubectl create namespace {namespace}\n" in readme
    assert set(re.findall(r"--namespace (\S+)", readme)) == {namespace}
    assert set(re.findall(r"cronjob/([\w-]+)", readme)) == {cron_job["metadata"]["name"]}
    assert "create secret generic selfheal-credentials" in readme
    for name, variable in variables.items():
        if "valueFrom" in variable:
            assert f"`{name}`" in readme
    job = cron_job["spec"]["jobTemplate"]["spec"]
    for name, value in (
        ("startingDeadlineSeconds", cron_job["spec"]["startingDeadlineSeconds"]),
        ("activeDeadlineSeconds", job["activeDeadlineSeconds"]),
        ("OPTIMIZER_DEADLINE_SECONDS", variables["OPTIMIZER_DEADLINE_SECONDS"]["value"]),
        ("backoffLimit", job["backoffLimit"]),
        ("ttlSecondsAfterFinished", job["ttlSecondsAfterFinished"]),
    ):
        assert f"| `{name}` | {value} |" in readme
