"""While the main model is dead another answers, but never for a candidate."""

from typing import Any
from uuid import uuid4

import pytest

from services.common.errors.model import ModelError, ModelRejectedError, ModelUnavailableError
from services.common.llm.factory import ServingModel
from services.common.llm.guard import ProviderGuard
from services.common.schemas import TaskRequest
from services.worker.app.services.serving_models import Served, ServingModels

DEAD = ModelUnavailableError("dead")
ID = uuid4()
REFUSED = ModelRejectedError("refused")


def make_model(spec: str, *, is_open: bool = False) -> ServingModel:
    guard = ProviderGuard(spec)
    if is_open:
        guard.breaker.open()
    provider, _, name = spec.partition(":")
    nothing: Any = None
    return ServingModel(provider=provider, name=name, chat=nothing, relay=nothing, guard=guard)


def make_task(**more: Any) -> TaskRequest:
    asked = {"request_id": ID, "task_type": "t", "refined_input": "Hi"}
    return TaskRequest.model_validate(asked | more)


class Asking:
    """Answers with a model's name, or fails as it was told."""

    def __init__(self, failures: dict[str, ModelError]) -> None:
        self.failures = failures
        self.asked: list[str] = []

    async def __call__(self, model: ServingModel) -> str:
        self.asked.append(model.guard.name)
        if failure := self.failures.get(model.guard.name):
            raise failure
        return f"by {model.name}"


async def test_the_main_model_answers_while_it_lives() -> None:
    models = ServingModels([make_model("a:main"), make_model("b:other")], lambda *_: None)
    ask = Asking({})

    assert await models.ask(make_task(), ask) == Served("by main", "a")
    assert ask.asked == ["a:main"]


async def test_the_next_that_is_not_dead_stands_in_and_is_counted() -> None:
    counted: list[tuple[str, str]] = []
    specs = ["a:main", "b:other", "c:third"]
    opened = [make_model(spec, is_open=spec != "c:third") for spec in specs]
    models = ServingModels(opened, lambda *model: counted.append(model))
    ask = Asking({"a:main": DEAD, "b:other": DEAD})

    assert await models.ask(make_task(), ask) == Served("by third", "c", "c:third")
    assert (ask.asked, counted) == (specs, [("c", "third")])


@pytest.mark.parametrize(
    ("more", "is_open", "failures", "message"),
    [
        pytest.param({}, False, {"a:main": REFUSED}, "refused", id="the request's fault"),
        pytest.param({}, False, {"a:main": DEAD}, "dead", id="a closed breaker"),
        pytest.param({"candidate_id": str(ID)}, True, {"a:main": DEAD}, "dead", id="a candidate"),
        pytest.param({"purpose": "replay"}, True, {"a:main": DEAD}, "dead", id="a replay"),
        pytest.param({"purpose": "trial"}, True, {"a:main": DEAD}, "dead", id="a trial"),
        pytest.param(
            {}, True, {"a:main": DEAD, "b:other": REFUSED}, "refused", id="the other refuses"
        ),
    ],
)
async def test_nobody_stands_in(
    more: dict[str, Any], is_open: bool, failures: dict[str, ModelError], message: str
) -> None:
    models = ServingModels(
        [make_model("a:main", is_open=is_open), make_model("b:other")], lambda *_: None
    )
    with pytest.raises(ModelError, match=message):
        await models.ask(make_task(**more), Asking(failures))


async def test_where_all_are_dead_the_main_ones_failure_is_told() -> None:
    opened = [make_model(spec, is_open=True) for spec in ("a:main", "b:other")]
    failures: dict[str, ModelError] = {
        "a:main": DEAD,
        "b:other": ModelUnavailableError("dead too"),
    }
    with pytest.raises(ModelError) as caught:
        await ServingModels(opened, lambda *_: None).ask(make_task(), Asking(failures))

    assert caught.value is DEAD
