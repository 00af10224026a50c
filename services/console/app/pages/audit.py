"""The audit: who changed what, and when."""

from dataclasses import asdict
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.common.record.audit import AuditFilter, load_events
from services.console.app.web.exports import export_rows, wants_export
from services.console.app.web.paging import MAX_ID, cut_page, read_cursor
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
    after, export = read_cursor(request, int), wants_export(request)
    meant = AuditFilter(
        person=who.replace("\x00", "") or None,
        task_types=viewer.narrow(task_type),
        kind=kind if kind in KINDS else None,
        # Who may do what is for administrators alone.
        hides_access=not viewer.may("admin"),
        before_id=after[0] if after else MAX_ID - 1,
    )
    async with request.app.state.database.connection() as connection:
        events = await load_events(connection, meant, limit=MAX_EXPORTED if export else ROWS + 1)
    rows = [asdict(event) | {"changes": event.changes} for event in events]
    if export:
        return export_rows("audit", COLUMNS, rows, export)
    shown, older = cut_page(rows, ROWS, lambda row: (row["id"],))
    return render(
        request,
        "settings/audit.html",
        tab="audit",
        error=None,
        rows=shown,
        older=older,
        chosen={"who": who, "kind": kind, "task_type": task_type},
        kinds=KINDS,
    )
