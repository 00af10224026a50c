"""What requests are looked for by, as a URL has it."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from services.common.schemas import DatabaseInteger, Score
from services.common.text import make_storable

Outcome = Literal["passed", "failed", "unscored", "pending", "not_chosen", "client_closed"]
EvidenceGrade = Literal["checks", "examples", "plausible_calls", "static"]


def _as_utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError from error


Text = Annotated[str, Field(max_length=200), AfterValidator(make_storable)] | None
Moment = Annotated[datetime, AfterValidator(_as_utc)] | None


class Filters(BaseModel):
    """What is looked for; `since` and `until` are in UTC where they name no zone."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    task_type: Text = None
    outcome: Outcome | None = None
    version: DatabaseInteger | None = None
    score_from: Score | None = None
    score_to: Score | None = None
    text: Text = None
    model: Text = None
    session: Text = None
    error: Text = None
    evidence: EvidenceGrade | None = None
    since: Moment = None
    until: Moment = None

    @property
    def needs_score(self) -> bool:
        """Whether only answers that passed or failed can be meant."""
        return self.outcome in ("passed", "failed")

    @property
    def lacks_score(self) -> bool:
        """Whether only answers that neither passed nor failed can be meant."""
        return self.outcome is not None and self.outcome not in ("passed", "failed")


def read_filters(query: dict[str, str]) -> tuple[Filters, list[str]]:
    """Read filters from a URL; the names of those that make no sense come back, left out."""
    given = {name: value.strip() for name, value in query.items() if value.strip()}
    try:
        return Filters.model_validate(given), []
    except ValidationError as error:
        wrong = sorted({str(problem["loc"][0]) for problem in error.errors()})
        kept = {name: value for name, value in given.items() if name not in wrong}
        return Filters.model_validate(kept), wrong
