"""The audit: who changed what, and when."""

from dataclasses import asdict, replace
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.common.record.audit import AuditFilter, load_events
from services.console.app.web.exports import export_rows, wants_export
from services.console.app.web.paging import cut_page, read_cursor
from services.console.app.web.rendering import render
from services.console.app.web.viewer import Reader

ROWS: Final = 50
MAX_EXPORTED: Final = 5_000
KINDS: Final = ("prompt", "run", "key", "user")
COLUMNS: Final = "id at person database_user action object task_type before after".split()

router = APIRouter()


@router.get("/settings/audit")
async def show_audit(
    request: Request, viewer: Reader, who: str = "", kind: str = "", task_type: str = ""
) -> Response:
    """List what was changed, the newest first, or send it as a file."""
    cursor = read_cursor(request, int)
    meant = AuditFilter(
        person=who.replace("\x00", "") or None,
        task_types=viewer.task_types,
        kind=kind if kind in KINDS else None,
        # Who may do what is for administrators alone.
        hides_access=not viewer.may("admin"),
    )
    if task_type:
        viewer.require_task_type(task_type)
        meant = replace(meant, task_types=[task_type.replace("\x00", "")])
    if cursor:
        meant = replace(meant, before_id=cursor[0])
    file_format = wants_export(request)
    most = MAX_EXPORTED if file_format else ROWS + 1
    async with request.app.state.database.connection() as connection:
        events = await load_events(connection, meant, limit=most)
    rows = [asdict(event) | {"changes": event.changes} for event in events]
    if file_format:
        return export_rows("audit", COLUMNS, rows, file_format)
    shown, older = cut_page(rows, ROWS, "id")
    return render(
        request,
        "settings/audit.html",
        tab="audit",
        error=None,
        rows=shown,
        older=older,
        is_first=cursor is None,
        chosen={"who": who, "kind": kind, "task_type": task_type},
        kinds=KINDS,
    )
