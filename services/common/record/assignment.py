"""Which arm of a rollout an answer belongs to, as services tell it and the log keeps it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import get_args

from services.common.schemas import ROLLOUT_HEADER, UNIT_HEADER, Arm, TaskResponse


@dataclass(frozen=True, slots=True)
class Assignment:
    """That a unit was assigned to an arm, while a rollout was open.

    Attributes:
        rollout: The rollout's id.
        unit: Digest of whose answers share the arm; it differs from rollout to rollout.
    """

    rollout: str
    arm: Arm
    unit: str

    @property
    def name(self) -> str:
        """Name rollout and arm, as a client is told."""
        return f"{self.rollout}/{self.arm}"

    @property
    def client_headers(self) -> dict[str, str]:
        """What a client is told."""
        return {ROLLOUT_HEADER: self.name}

    @property
    def headers(self) -> dict[str, str]:
        """What one service tells another."""
        return {**self.client_headers, UNIT_HEADER: self.unit}

    def as_detail(self) -> dict[str, str]:
        """Return what the row's detail has of it, under `worker`."""
        return asdict(self)


def read_assignment(headers: Mapping[str, str]) -> Assignment | None:
    """Read it from the headers of an answer or a failure; None where none was told."""
    rollout, _, told = headers.get(ROLLOUT_HEADER, "").partition("/")
    unit = headers.get(UNIT_HEADER, "")
    for arm in get_args(Arm):
        if rollout and told == arm and unit:
            return Assignment(rollout, arm, unit)
    return None


def find_assignment(answer: TaskResponse) -> Assignment | None:
    """Find it in an answer; None where none was told."""
    if answer.rollout is None or answer.arm is None or not answer.unit:
        return None
    return Assignment(str(answer.rollout), answer.arm, answer.unit)
