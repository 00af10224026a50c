"""The audit: who changed what, and when."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.console.app.queries.settings import AuditFilter, list_differences, load_audit
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
    wanted = AuditFilter(
        viewer.task_types,
        viewer.may("admin"),
        who.replace("\x00", "") or None,
        kind if kind in KINDS else None,
        task_type.replace("\x00", "") or None,
        cursor[0] if cursor else None,
    )
    file_format = wants_export(request)
    most = MAX_EXPORTED if file_format else ROWS + 1
    async with request.app.state.database.connection() as connection:
        rows = await load_audit(connection, wanted, most=most)
    if file_format:
        return export_rows("audit", COLUMNS, rows, file_format)
    shown, older = cut_page(rows, ROWS, "id")
    return render(
        request,
        "settings/audit.html",
        tab="audit",
        error=None,
        rows=[
            row | {"differences": list_differences(row["before"], row["after"])} for row in shown
        ],
        older=older,
        wanted=wanted,
        kinds=KINDS,
    )
