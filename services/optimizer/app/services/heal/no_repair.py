"""Tells that heals found no repair: what fails, what came nearest, and what a person can do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import asyncpg

from services.common.presentation.detail_reading import (
    Detail,
    read_line,
    read_list,
    read_number,
    read_part,
    read_records,
)
from services.common.proof.betting import TIE_MARGIN
from services.optimizer.app.services.diagnosis.incident import (
    count_heals,
    load_heal_details,
    load_texts,
)
from services.optimizer.app.services.heal.healing_report import HealingReport
from services.optimizer.app.services.heal.report_parts import MAX_TEXT_CHARACTERS
from services.optimizer.app.services.proof.wager_store import load_wagers
from services.optimizer.app.services.proof.wagers import Wager, WagerBook

MAX_INPUTS, MAX_NEAREST, MAX_EXAMPLES = 10, 3, 5
# What a person can do, as codes.
WRITE_FOR_BOTH, ADD_INPUTS, WRITE_DRAFT = "write_for_both", "add_inputs", "write_draft"


@dataclass(slots=True)
class NearText:
    """A text that came near to a repair: what it gained where it was chosen, and in its bets.

    Attributes:
        mends: Short texts of inputs that it does better on.
        breaks: Those that it does worse on.
        needed: The e-value that would have decided.
    """

    strategy: str = ""
    candidate_id: str = ""
    chosen_gain: int = 0
    mends: list[str] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)
    pairs: int = 0
    wins: int = 0
    losses: int = 0
    gain: float = 0.0
    e_value: float = 1.0
    needed: float = 0.0

    @classmethod
    def read(cls, record: Detail) -> "NearText":
        """Read what a heal left on record of it."""
        passed, before = read_number(record, "passed"), read_number(record, "incumbent_passed")
        gain = int((passed or 0) - (before or 0)) if passed is not None else 0
        return cls(read_line(record, "strategy"), read_line(record, "candidate_id"), gain)

    def add_bets(self, wager: Wager) -> None:
        """Add what its bets came to."""
        self.pairs = len(wager.gains)
        self.wins = sum(gain > 0 for gain in wager.gains)
        self.losses = sum(gain < 0 for gain in wager.gains)
        self.gain = round(sum(wager.gains), 3)
        self.e_value = round(wager.wealth.now, 3)
        self.needed = round(1 / wager.alpha, 2)

    def add_examples(self, detail: Detail, verdict: Detail) -> None:
        """Add inputs that it does better on, and that it breaks."""
        used = read_part(read_part(detail, "inputs"), "used")
        broken = [str(name) for name in read_list(read_part(verdict, "guards"), "newly_failing")]
        for texts, names in (
            (self.mends, _find_moved(verdict, 1)),
            (self.breaks, (*broken, *_find_moved(verdict, -1))),
        ):
            for name in names:
                text = read_line(read_part(used, name), "text", most=MAX_TEXT_CHARACTERS)
                if text and text not in texts and len(texts) < MAX_EXAMPLES:
                    texts.append(text)


async def find_no_repair(
    connection: asyncpg.Connection, report: HealingReport, *, most: int
) -> dict[str, Any] | None:
    """Tell what the incident's heals came to, if this one, which is to be held, is the last.

    Args:
        most: How many heals an incident may have, at least 1.
    """
    case, analysis = report.case, report.case.analysis
    if case.draft is not None or report.error or not report.has_tried:
        return None
    count = (await count_heals(connection, case.incumbent.task_type)).count + 1
    if count < most:
        return None
    earlier = await load_heal_details(connection, case.incumbent.task_type)
    details = [report.as_json(""), *earlier]
    contents = await load_texts(connection, case.incumbent.task_type, details)
    nearest = rank_nearest(details, contents, await load_wagers(connection, case.incumbent))
    next_step = find_next_step(nearest)
    return {
        "heals": count,
        "most": most,
        "last_reason": report.progress.hold_reason,
        "failures": analysis.failure_count,
        "scored": analysis.scored_count,
        "rules": analysis.rule_counts,
        "inputs": [row.user_input[:MAX_TEXT_CHARACTERS] for row in analysis.failing[:MAX_INPUTS]],
        "nearest": [asdict(one) for one in nearest],
        "next_step": next_step,
    }


def rank_nearest(
    details: Sequence[Detail], contents: Mapping[str, str], book: WagerBook
) -> list[NearText]:
    """Rank the texts that came nearest to a repair: by their bets, then by the choosing inputs.

    Args:
        details: What heals left on record, the latest first.
        contents: Texts by the ids of candidates; one text may have several.
    """
    told: dict[str, NearText] = {}
    for detail in details:
        for tried in read_records(detail, "candidates"):
            content = contents.get(read_line(tried, "candidate_id"))
            if content is not None and content not in told:
                told[content] = NearText.read(tried)
        verdict = read_part(detail, "verdict")
        content = contents.get(read_line(verdict, "candidate_id"))
        if content is not None:
            told.setdefault(content, NearText.read(verdict)).add_examples(detail, verdict)
    for content, one in told.items():
        one.add_bets(book.find(content))
    worth_telling = [one for one in told.values() if one.pairs or one.chosen_gain > 0]
    ranked = sorted(worth_telling, key=lambda one: (one.e_value, one.chosen_gain))
    return ranked[::-1][:MAX_NEAREST]


def find_next_step(nearest: Sequence[NearText]) -> str:
    """Find what a person can do best, as a code."""
    first = nearest[0] if nearest else NearText()
    if first.breaks and first.mends:
        return WRITE_FOR_BOTH
    return ADD_INPUTS if first.gain > 0 else WRITE_DRAFT


def _find_moved(verdict: Detail, direction: int) -> Iterator[str]:
    for pair in read_records(verdict, "pairs"):
        before, after = read_number(pair, "incumbent"), read_number(pair, "candidate")
        if before is not None and after is not None and direction * (after - before) > TIE_MARGIN:
            yield read_line(pair, "input_id")
