"""Goes on with a text that an earlier heal of the incident has bet on, and that has won so far.

A model that writes prompts never writes the same one twice: without this the evidence that a text
has gathered would be carried on for nobody.
"""

from typing import Final

import asyncpg

from services.common.presentation.detail_reading import read_line, read_part
from services.optimizer.app.services.diagnosis.incident import load_heal_details, load_texts
from services.optimizer.app.services.log.log_records import PastPrompt
from services.optimizer.app.services.proof.trial import TrialInputs
from services.optimizer.app.services.proof.wager_store import StoredWagers
from services.optimizer.app.services.proof.wagers import WagerBook
from services.optimizer.app.services.repair.candidates import Candidate

# A text whose bets have doubled what they began with: one that is no better comes so far in at most
# half of all lives, and then loses it again.
PROMISING_WEALTH: Final = 2.0


async def find_promising(
    connection: asyncpg.Connection, task_type: str, book: StoredWagers, trial: TrialInputs
) -> Candidate | None:
    """Find the text that has won the most in this incident and is undecided yet.

    Returns:
        None where none has won enough, or too few inputs are left that it may be bet on.
    """
    best, most = None, PROMISING_WEALTH
    if book.most_wealth < most:
        return None
    details = await load_heal_details(connection, task_type)
    texts = await load_texts(connection, task_type, details)
    for detail in details:
        verdict = read_part(detail, "verdict")
        content = texts.get(read_line(verdict, "candidate_id"))
        if content is None or find_obstacle(content, book=book, trial=trial):
            continue
        wager = book.find(content)
        if wager.wealth.now < most:
            continue
        most = wager.wealth.now
        best = Candidate(
            content,
            read_line(verdict, "strategy"),
            f"goes on: of {len(wager.gains)} inputs of this incident it won "
            f"{sum(gain > 0 for gain in wager.gains)}",
            # Where it isn't known who had a part in it, a person decides.
            informed_by_users=verdict.get("informed_by_users") is not False,
        )
    return best


def find_obstacle(content: str, *, book: WagerBook, trial: TrialInputs) -> str:
    """Tell why the gate wouldn't look at a text, as a code; empty where it would."""
    wager = book.find(content)
    return wager.find_obstacle(len(wager.pick_fresh(trial.all_proving)))


def find_trusted(past: PastPrompt | None, book: WagerBook) -> str:
    """Find the text that served well and that is hard to pass; empty where there is none.

    Once the gate has looked at it in this incident, it must have won there.
    """
    if past is None or past.is_untried:
        return ""
    wager = book.find(past.content)
    return past.content if wager.is_promising or not wager.gains else ""
