import math
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from services.common.models import Prompt
from services.worker.app.services.arms import Rollout, assign, read_active_prompt

ID = UUID("11111111-2222-4333-8444-555555555555")
UNITS = 10_000
PROMPT = Prompt(1, "poetry", "Serve.", 3, True, None, "test", datetime.now(UTC))

units = st.text(max_size=50)
shares = st.floats(0, 1)


def make_rollout(share: float, rollout_id: UUID = ID, candidate_id: UUID = ID) -> Rollout:
    return Rollout(rollout_id, candidate_id, PROMPT.digest, "Rolled out.", 4, share)


def count_candidates(share: float, rollout_id: UUID = ID) -> int:
    rollout = make_rollout(share, rollout_id)
    return sum(assign(rollout, str(number)).arm == "candidate" for number in range(UNITS))


@given(st.uuids(), units, shares, shares)
def test_a_unit_stays_on_the_candidate_while_the_share_grows(
    rollout_id: UUID, unit: str, one: float, other: float
) -> None:
    less, more = sorted((one, other))
    before = assign(make_rollout(less, rollout_id), unit)
    after = assign(make_rollout(more, rollout_id), unit)
    assert before.unit == after.unit
    assert (before.arm, after.arm) != ("candidate", "incumbent")


@given(st.uuids(), units)
def test_no_share_serves_nobody_and_all_of_it_everybody(rollout_id: UUID, unit: str) -> None:
    assert assign(make_rollout(0, rollout_id), unit).arm == "incumbent"
    assert assign(make_rollout(1, rollout_id), unit).arm == "candidate"


@given(st.uuids(), units, shares)
def test_what_is_kept_of_a_unit_is_a_digest_that_says_its_arm(
    rollout_id: UUID, unit: str, share: float
) -> None:
    assignment = assign(make_rollout(share, rollout_id), unit)
    assert re.fullmatch("[0-9a-f]{16}", assignment.unit)
    assert (int(assignment.unit, 16) < share * 2**64) == (assignment.arm == "candidate")


@for_each([0.001, 0.1, 0.5, 0.9])
def test_the_share_is_kept_whatever_the_rollout(share: float) -> None:
    # Four standard deviations of a binomial count; the digests are always the same.
    slack = 4 * math.sqrt(UNITS * share * (1 - share))
    for rollout_id in (ID, UUID(int=1)):
        assert abs(count_candidates(share, rollout_id) - UNITS * share) <= slack


def test_two_rollouts_draw_independently() -> None:
    rollouts = [make_rollout(0.5), make_rollout(0.5, UUID(int=1))]
    both = sum(
        all(assign(one, str(number)).arm == "candidate" for one in rollouts)
        for number in range(UNITS)
    )
    assert abs(both - UNITS / 4) <= 4 * math.sqrt(UNITS * 3 / 16)
    assert assign(make_rollout(1), "a").unit != assign(make_rollout(1, UUID(int=1)), "a").unit


def test_who_knows_the_rollout_alone_cannot_tell_an_arm_in_advance() -> None:
    rollouts = [make_rollout(0.5), make_rollout(0.5, candidate_id=UUID(int=1))]
    agree = sum(
        len({assign(one, str(number)).arm for one in rollouts}) == 1 for number in range(UNITS)
    )
    assert abs(agree - UNITS / 2) <= 4 * math.sqrt(UNITS / 4)


def test_a_rollout_counts_in_place_of_its_incumbent_alone() -> None:
    prompt = {name: getattr(PROMPT, name) for name in PROMPT.__slots__}
    rollout = make_rollout(0.1)
    named: dict[str, Any] = {
        f"rollout_{name}": getattr(rollout, name) for name in rollout.__slots__
    }
    nothing = dict.fromkeys(named)

    assert read_active_prompt(prompt | named).rollout == rollout
    assert read_active_prompt(prompt | nothing).rollout is None
    assert read_active_prompt(prompt | named | {"content": "Edited."}).rollout is None
    assert read_active_prompt(prompt | named).prompt == PROMPT
