"""The admin API's look at the system: what works, what doesn't, what to do about it."""

from fastapi import APIRouter, Depends, Request

from services.common.admin.schemas import ADMIN_PREFIX, Condition
from services.common.schemas import describe_failures
from services.manager.app.access.callers import forbid_caching
from services.manager.app.services.condition import Examiner

router = APIRouter(prefix=ADMIN_PREFIX, dependencies=[Depends(forbid_caching)])


@router.get("/condition", responses=describe_failures({503: "It can't be known who calls"}))
async def show_condition(request: Request) -> Condition:
    """Show how the parts of the system are, and their versions."""
    examiner: Examiner = request.app.state.examiner
    return await examiner.examine()
