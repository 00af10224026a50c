"""Which sandbox a setting gets, and what there is where there is none."""

import pytest

from services.evaluator.app.sandbox import (
    JailSandbox,
    NoSandbox,
    WasmSandbox,
    create_sandbox,
    probe_sandbox,
)
from services.evaluator.app.sandbox.sandbox import FirstAvailable


@pytest.mark.parametrize(
    ("backend", "kind"), [("jail", JailSandbox), ("wasm", WasmSandbox), ("auto", FirstAvailable)]
)
def test_the_setting_decides(backend: str, kind: type) -> None:
    sandbox = create_sandbox(backend, slots=2)
    assert isinstance(sandbox, kind)
    assert not sandbox.availability.is_available


def test_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'docker'.*auto, jail, wasm, off"):
        create_sandbox("docker", slots=2)


async def test_switched_off_nothing_is_run() -> None:
    sandbox = create_sandbox("off", slots=2)
    assert isinstance(sandbox, NoSandbox)
    assert not (await sandbox.start()).is_available
    execution = await sandbox.run("x = 1", ["x", "x"])
    assert (execution.status, execution.loaded) == ("unavailable", False)
    assert [step.outcome for step in execution.steps] == ["not_finished"] * 2
    assert "SANDBOX=off" in execution.reason
    await sandbox.close()


async def test_webassembly_serves_no_modules_but_pythons_own() -> None:
    sandbox = create_sandbox("wasm", slots=1, modules=["numpy"])
    availability = await sandbox.start()
    assert not availability.is_available
    assert "unset SANDBOX_MODULES" in availability.problem


@pytest.mark.parametrize("backend", ["auto", "jail"])
@pytest.mark.parametrize("module", ["no_such_module", "json.no_such_part", "numpy.typo"])
def test_a_module_that_cannot_be_imported_is_named_with_what_to_do(
    backend: str, module: str
) -> None:
    problem = probe_sandbox(backend, [module]).problem
    assert f"SANDBOX_MODULES: {module!r} can't be imported: No module named" in problem
    assert "pip install" in problem
    assert "take it out of SANDBOX_MODULES" in problem
    assert "WebAssembly" not in problem


def test_the_command_line_can_ask() -> None:
    assert "SANDBOX=off" in probe_sandbox("off").problem
