"""Finding task types: those that come along, and those of the user's own."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from services.common.task_types import GoldenInputs, TaskTypeError, TaskTypes, open_task_types
from services.common.task_types.registry import BUILT_IN_DIRECTORY as ROOT
from services.common.task_types.task_type import GENERIC_REPAIRS

MakeTaskType = Callable[..., Path]
SEED_PROMPT = re.compile(r"VALUES \('code_generation', '(.*?)', 1, TRUE", re.S)
BUILT_IN = open_task_types(None).all()


def test_own_directories_stand_beside_those_that_come_along(make_task_type: MakeTaskType) -> None:
    task_types = TaskTypes(make_task_type().parent)
    assert set(task_types.names()) == {*open_task_types(None).names(), "greetings"}
    assert not task_types.is_built_in("greetings")
    assert task_types.is_built_in("code_generation")
    assert task_types.golden_inputs("greetings").choosing == ("hat",)
    assert task_types.repairs("greetings").role == "You greet."


@pytest.mark.parametrize("name", ["unheard_of", "../code_generation", "", "__pycache__", "rules"])
def test_a_name_without_a_directory_gets_what_is_general(name: str) -> None:
    assert open_task_types(None).find(name) is None
    assert open_task_types(None).golden_inputs(name) == GoldenInputs()
    assert open_task_types(None).repairs(name) == GENERIC_REPAIRS


def test_no_directory_of_ones_own_is_needed(tmp_path: Path) -> None:
    assert TaskTypes(tmp_path / "none").names() == open_task_types(None).names()


def test_a_directory_is_read_once(make_task_type: MakeTaskType) -> None:
    directory = make_task_type()
    task_types = TaskTypes(directory.parent)
    first = task_types.find("greetings")
    (directory / "prompt.txt").unlink()
    assert task_types.find("greetings") is first


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("code_generation", ["comes with the system", "Rename"]),
        ("Greetings", ["can't have that name", "lower-case"]),
        ("9lives", ["can't have that name"]),
        ("a" * 65, ["can't have that name"]),
    ],
)
def test_a_directory_that_cannot_have_its_name_is_refused(
    make_task_type: MakeTaskType, name: str, words: list[str]
) -> None:
    own = make_task_type(name).parent
    with pytest.raises(TaskTypeError) as caught:
        TaskTypes(own).names()
    for word in (name, *words):
        assert word in caught.value.message


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("")
    with pytest.raises(TaskTypeError, match="TASK_TYPES_DIR"):
        TaskTypes(tmp_path / "own").names()


def test_a_broken_directory_leaves_the_others_in_use(make_task_type: MakeTaskType) -> None:
    task_types = TaskTypes(make_task_type(prompt__txt=None).parent)
    assert task_types.find("code_generation") is not None
    with pytest.raises(TaskTypeError):
        task_types.find("greetings")
    with pytest.raises(TaskTypeError):
        task_types.all()


def test_a_registry_can_be_sent_to_another_process(make_task_type: MakeTaskType) -> None:
    task_types = open_task_types(make_task_type().parent)
    assert task_types.find("greetings")
    assert pickle.loads(pickle.dumps(task_types)) is task_types


def test_the_first_prompt_of_code_generation_is_the_seed() -> None:
    schema = (ROOT.parents[2] / "db" / "schema.sql").read_text(encoding="utf-8")
    seed = SEED_PROMPT.search(schema)
    assert seed
    task_type = open_task_types(None).find("code_generation")
    assert task_type
    assert task_type.prompt == seed[1].replace("''", "'")


@pytest.mark.parametrize("task_type", BUILT_IN, ids=lambda task_type: task_type.name)
def test_what_comes_along_is_complete(task_type) -> None:
    assert len(task_type.golden_inputs.choosing) >= 24
    assert len(task_type.golden_inputs.verdict) >= 24
    assert set(task_type.repairs.by_rule) == set(task_type.rule_weights)
