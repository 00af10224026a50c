"""Heals."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from services.console.app.web.rendering import render
from services.console.app.web.viewer import Reader

router = APIRouter()


@router.get("/heals")
async def show_heals(request: Request, viewer: Reader) -> HTMLResponse:
    """Show the page."""
    return render(request, "placeholder.html", title="Heals")
