"""Runs untrusted code where it can reach nothing, and reports what each step of it came to."""

from services.evaluator.app.sandbox.host.jail_sandbox import MODULES_SETTING, JailSandbox
from services.evaluator.app.sandbox.run.execution import (
    Availability,
    Built,
    Execution,
    Items,
    Opaque,
    StepResult,
    Value,
)
from services.evaluator.app.sandbox.run.limits import RunLimits
from services.evaluator.app.sandbox.run.records import unavailable
from services.evaluator.app.sandbox.run.request import ProgramRun, Step
from services.evaluator.app.sandbox.sandbox import NoSandbox, Sandbox, create_sandbox, probe_sandbox
from services.evaluator.app.sandbox.wasm.wasm_sandbox import WasmSandbox

__all__ = [
    "MODULES_SETTING",
    "Availability",
    "Built",
    "Execution",
    "Items",
    "JailSandbox",
    "NoSandbox",
    "Opaque",
    "ProgramRun",
    "RunLimits",
    "Sandbox",
    "Step",
    "StepResult",
    "Value",
    "WasmSandbox",
    "create_sandbox",
    "probe_sandbox",
    "unavailable",
]
