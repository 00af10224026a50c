"""Requests."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from services.console.app.web.rendering import render
from services.console.app.web.viewer import Reader

router = APIRouter()


@router.get("/requests")
async def show_requests(request: Request, viewer: Reader) -> HTMLResponse:
    """Show the page."""
    return render(request, "placeholder.html", title="Requests")
