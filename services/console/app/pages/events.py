"""Live parts: tells an open page when what it shows has changed."""

from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from services.common.access.browsers import OWN_FETCH_SITES
from services.common.errors import ForbiddenError, ServiceError
from services.console.app.web.live import Changes
from services.console.app.web.viewer import EVENTS_PATH, Reader

router = APIRouter()


@router.get(EVENTS_PATH)
async def stream_events(request: Request, viewer: Reader) -> StreamingResponse:
    """Send an event at each change, as server-sent events, until the session ends."""
    if request.headers.get("sec-fetch-site", "none") not in OWN_FETCH_SITES:
        raise ForbiddenError("A page of another site asked for this.")
    changes: Changes = request.app.state.changes
    changes.require_room()

    async def is_still_in() -> bool:
        try:
            known = await request.app.state.admin.find_session(viewer.session, is_attended=False)
        except ServiceError:
            return False
        return bool(known.view.person == viewer.person)

    return StreamingResponse(
        changes.stream(request.headers.get("last-event-id", "")[:500], is_still_in),
        media_type="text/event-stream",
    )
