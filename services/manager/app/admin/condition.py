"""The admin API's look at the system: what works, what doesn't, what to do about it."""

from fastapi import Request

from services.common.admin.schemas import Condition
from services.manager.app.access.callers import create_router
from services.manager.app.services.condition import Examiner

router = create_router()


@router.get("/condition")
async def show_condition(request: Request) -> Condition:
    """Show how the parts of the system are, and their versions."""
    examiner: Examiner = request.app.state.examiner
    return await examiner.examine()
