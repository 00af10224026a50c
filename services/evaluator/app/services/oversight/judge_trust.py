"""Knows what is known of the judge that serves, also where that comes while it serves."""

from services.common.config import EvaluatorSettings
from services.common.logging import get_logger
from services.evaluator.app.services.judging.judge import Judge
from services.evaluator.app.services.oversight.calibration.store import CalibrationStore
from services.evaluator.app.services.oversight.calibration.trust import (
    Calibration,
    UnreliableJudgeError,
    check_calibration,
)

log = get_logger()


class JudgeTrust:
    """How far the judge that serves can be trusted.

    Attributes:
        calibration: Its calibration, if there is one.
        problem: Why it may not serve; empty where it may.
    """

    def __init__(self, judge: Judge, settings: EvaluatorSettings) -> None:
        self._judge = judge
        self._store = CalibrationStore(settings.selfheal_home)
        self._allow_unreliable = settings.judge_allow_unreliable
        self.calibration: Calibration | None = None
        self.problem = ""

    def require(self) -> None:
        """Refuse a judge that was found unreliable; warn of one that was never calibrated.

        Raises:
            UnreliableJudgeError: If it may not serve.
        """
        identity = self._judge.identity
        self.calibration = self._store.load(identity)
        warning = check_calibration(
            identity, self.calibration, allow_unreliable=self._allow_unreliable
        )
        if warning:
            log.warning("judge_uncalibrated", judge=self._judge.name, problem=warning)

    def look_again(self) -> None:
        """Look whether another calibration is there since, and what follows from it."""
        if self._store.load(self._judge.identity) == self.calibration:
            return
        try:
            self.require()
        except UnreliableJudgeError as error:
            self.problem = error.message
            log.error("judge_unreliable", judge=self._judge.name, problem=error.message)
        else:
            self.problem = ""
