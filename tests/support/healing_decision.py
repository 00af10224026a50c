"""A candidate that the gate lets through, with the inputs that it was run on."""

from uuid import UUID

from services.common.proof.betting import PairedScore
from services.optimizer.app.services.proof.damage import Damage
from services.optimizer.app.services.proof.paired_test import decide
from services.optimizer.app.services.proof.replay_results import (
    FAILING,
    GOLDEN,
    GUARD,
    ReplayInput,
    ReplayResult,
)
from services.optimizer.app.services.proof.trial import TrialInputs
from services.optimizer.app.services.proof.wagers import Wager
from services.optimizer.app.services.repair.candidates import Candidate
from services.optimizer.app.services.repair.contest import Contender
from services.optimizer.app.services.repair.gate import GateDecision

CANDIDATE_ID = UUID("00000000-0000-4000-8000-000000000007")


def item(name: str, source: str, text: str = "ask") -> ReplayInput:
    return ReplayInput(name, text, text, source)


def result(score: float, fingerprint: str = "f") -> ReplayResult:
    return ReplayResult(score, score >= 0.7, fingerprint)


TRIAL = TrialInputs(
    choosing=(item("failing-choosing-1", FAILING, "x" * 500),),
    proving=(item("golden-verdict-1", GOLDEN), item("guard-verdict-1", GUARD)),
    guards=(item("guard-verdict-1", GUARD), item("guard-verdict-2", GUARD)),
    clusters=2,
)
CONTENDER = Contender(
    Candidate("You write code.", "reflection", "since"),
    CANDIDATE_ID,
    {"a": result(0.9), "b": result(0.8)},
    {"a": result(0.3), "b": result(0.9)},
    decide([PairedScore("a", 0.3, 0.9), PairedScore("b", 0.9, 0.8)]),
    False,
)
PAIRS = [PairedScore("golden-verdict-1", 0.3, 0.9), PairedScore("guard-verdict-1", 0.8, 0.9)]
DECISION = GateDecision(
    CONTENDER,
    decide(PAIRS),
    PAIRS,
    {"golden-verdict-1": result(0.3), "guard-verdict-1": result(0.8, "g")},
    {"golden-verdict-1": result(0.9), "guard-verdict-1": result(0.9)},
    Damage(2, ("guard-verdict-2",), 1, candidate_fails=1),
    Wager(0.0405, (0.5, -0.25), number=1),
    ("golden-verdict-2",),
    {"golden-verdict-1": result(0.2)},
    "learned",
    "better",
)
