"""Prompts."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from services.console.app.web.rendering import render
from services.console.app.web.viewer import Reader

router = APIRouter()


@router.get("/prompts")
async def show_prompts(request: Request, viewer: Reader) -> HTMLResponse:
    """Show the page."""
    return render(request, "placeholder.html", title="Prompts")
