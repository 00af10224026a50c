"""The limits of a run: what may be asked for, and how much a run may use."""

from dataclasses import dataclass

from services.evaluator.app.sandbox.jail.program import MAX_RESULT_BYTES

KIB = 1 << 10
MIB = 1 << 20
MAX_SOURCE_BYTES = 64 * KIB
MAX_STEPS = 64
MAX_STEP_BYTES = 64 * KIB


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How much time, memory and output a run may use before it is stopped or cut.

    Attributes:
        wall_ms: Time from the fork on, in ms.
        cpu_seconds: Processor time, in seconds.
        memory_mib: Address space, the interpreter's own included, in MiB.
        output_bytes: How much of what is printed is kept.
        printed_bytes: How much may be printed before the run is stopped.
        result_bytes: How much may come back as results.
    """

    wall_ms: int = 3_000
    cpu_seconds: int = 2
    memory_mib: int = 256
    output_bytes: int = 64 * KIB
    printed_bytes: int = MIB
    result_bytes: int = MAX_RESULT_BYTES
