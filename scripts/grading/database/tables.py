"""The three tables: what is in them, the bad prompt, the reset, the dump and the way back."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from grading.database.port import Database, Row, fetch_rows, literal
from grading.errors import DatabaseStatementError, GradingError
from grading.guide import COLUMNS, FIRST_BAD_VERSION, TABLES, TASK_TYPE

ROWS_AT_ONCE: Final = 500
RESTORE_FILE: Final = "restore.sql"
_TASK: Final = literal(TASK_TYPE)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A row of `prompts`."""

    id: int
    version: int
    content: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class Author:
    """Author of a prompt, and the reason of the change, as its row says."""

    name: str
    reason: str


# The guide's own, and somebody who deploys; a system may not treat them differently.
MENTOR: Final = Author("mentor", "demo: bad prompt")
OPERATOR: Final = Author("operator", "shorter prompt")


def check_schema(database: Database) -> None:
    """See that the guide's tables and columns are there.

    Raises:
        GradingError: If one is missing.
    """
    rows = fetch_rows(
        database,
        "SELECT table_name, column_name FROM information_schema.columns "
        f"WHERE table_schema = current_schema() AND table_name IN {_list(TABLES)}",
    )
    there = {(row["table_name"], row["column_name"]) for row in rows}
    missing = [table for table in TABLES if not any(table == name for name, _ in there)]
    lacking = [
        f"{table}.{column}"
        for table, columns in COLUMNS.items()
        for column in columns.split()
        if table not in missing and (table, column) not in there
    ]
    if missing or lacking:
        raise GradingError(
            f"The database lacks {', '.join([*missing, *lacking])}.",
            remedy="Apply the guide's schema (section 3), or name the right database with "
            "--db-name.",
        )


def count_foreign_data(database: Database) -> tuple[int, int]:
    """Count prompts of other task types, and rows of the execution log."""
    (counts,) = fetch_rows(
        database,
        f"SELECT (SELECT count(*) FROM prompts WHERE task_type <> {_TASK}) AS others, "
        "(SELECT count(*) FROM execution_logs) AS logged",
    )
    return counts["others"], counts["logged"]


def read_prompts(database: Database) -> list[Prompt]:
    """Read all prompts of the graded task type, the oldest version first."""
    rows = fetch_rows(
        database,
        "SELECT id, version, content, is_active FROM prompts "
        f"WHERE task_type = {_TASK} ORDER BY version, id",
    )
    return [Prompt(**row) for row in rows]


def read_active(database: Database) -> list[Prompt]:
    """Read the prompts that are marked active; a sound system has one."""
    return [prompt for prompt in read_prompts(database) if prompt.is_active]


def read_logged(database: Database, request_ids: Sequence[str]) -> dict[str, Row]:
    """Read the rows of the execution log of these requests, by request id."""
    if not request_ids:
        return {}
    rows = fetch_rows(
        database,
        "SELECT DISTINCT ON (request_id) request_id, prompt_version, evaluation_score, "
        f"evaluation_passed FROM execution_logs WHERE request_id::text IN {_list(request_ids)} "
        "ORDER BY request_id, id DESC",
    )
    return {row["request_id"]: row for row in rows}


def count_reports(database: Database) -> int:
    """Count the rows of `optimization_reports`."""
    return int(database.fetch_text("SELECT count(*) FROM optimization_reports"))


def reset(database: Database, *, keep_logs: bool) -> Prompt:
    """Leave only the seed prompt (the oldest version), active; return it.

    Prompts that rows of other tables refer to stay, inactive.

    Raises:
        GradingError: If there is no prompt at all.
    """
    prompts = read_prompts(database)
    if not prompts:
        raise GradingError(
            f"The table prompts holds no prompt of {TASK_TYPE}.",
            remedy="Insert the guide's seed prompt (section 3).",
        )
    seed = prompts[0]
    logs = "" if keep_logs else "DELETE FROM execution_logs;"
    others = f"prompts WHERE id <> {seed.id}"
    _execute_either(
        database,
        f"{logs} DELETE FROM optimization_reports; DELETE FROM {others}; {_set_active(seed)}",
        f"{logs} DELETE FROM optimization_reports; {_set_active(seed)}",
    )
    return seed


def inject(database: Database, content: str, *, author: Author) -> Prompt:
    """Make a bad prompt the active one, as the guide's phase 5 does; return its row.

    Its version is 99, or the next one where that is taken. Nothing in the row tells a grading
    from the workshop's demo, or from a deployment.
    """
    database.execute(
        f"UPDATE prompts SET is_active = FALSE WHERE task_type = {_TASK}; "
        "INSERT INTO prompts (task_type, content, version, is_active, change_reason, created_by) "
        f"SELECT {_TASK}, {literal(content)}, "
        f"greatest({FIRST_BAD_VERSION}, 1 + (SELECT coalesce(max(version), 0) FROM prompts), "
        "1 + (SELECT coalesce(max(prompt_version), 0) FROM execution_logs)), "
        f"TRUE, {literal(author.reason)}, {literal(author.name)}"
    )
    return max(read_prompts(database), key=lambda prompt: prompt.id)


def activate(database: Database, prompt: Prompt) -> None:
    """Make one prompt the only active one; one that was deleted comes back as a new row."""
    gone = f"NOT EXISTS (SELECT 1 FROM prompts WHERE id = {prompt.id})"
    database.execute(
        f"{_set_active(prompt)}; "
        "INSERT INTO prompts (task_type, content, version, is_active) "
        f"SELECT {_TASK}, {literal(prompt.content)}, {prompt.version}, TRUE WHERE {gone}"
    )


def read_all_prompts(database: Database) -> list[Row]:
    """Read every row of `prompts`, whole, to be put back by `put_prompts_back`."""
    return fetch_rows(database, "SELECT * FROM prompts ORDER BY id")


def put_prompts_back(database: Database, rows: Sequence[Row]) -> None:
    """Make `prompts` what it was; newer rows that others refer to stay, inactive."""
    if not rows:
        database.execute("DELETE FROM prompts")
        return
    ids = ", ".join(str(int(row["id"])) for row in rows)
    columns = [_quote(name) for name in rows[0]]
    changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in columns if name != _quote("id"))
    before = (
        "UPDATE prompts SET is_active = FALSE; "
        f"INSERT INTO prompts ({', '.join(columns)}) OVERRIDING SYSTEM VALUE "
        f"SELECT {', '.join(columns)} FROM {_records('prompts', json.dumps(rows))} "
        f"ON CONFLICT (id) DO UPDATE SET {changes}"
    )
    newer = f"DELETE FROM prompts WHERE id NOT IN ({ids})"
    _execute_either(database, f"{before}; {newer}", before)


def dump(database: Database, folder: Path) -> Path:
    """Write the three tables into a file that psql can restore them from; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / RESTORE_FILE
    with file.open("w", encoding="utf-8") as script:
        script.write(
            "-- The tables as they were before the benchmark. To put them back:\n"
            f"--   psql -U agent -d agent_system -v ON_ERROR_STOP=1 -f {RESTORE_FILE}\n"
            "--   docker compose exec -T postgres psql -U agent -d agent_system "
            f"-v ON_ERROR_STOP=1 < {RESTORE_FILE}\n"
            "-- What a system keeps in other tables is not in here, and was not touched either.\n"
            "SET client_encoding = 'UTF8';\nBEGIN;\nDELETE FROM execution_logs;\n"
            "DELETE FROM optimization_reports;\nDELETE FROM prompts;\n"
        )
        for table in TABLES:
            last = -1
            while (page_end := _page_end(database, table, last)) > last:
                script.write(_insert(table, _page(database, table, last, page_end)) + "\n")
                last = page_end
        script.write("COMMIT;\n")
    return file


def _page_end(database: Database, table: str, last_id: int) -> int:
    """Find the id of the last row of the next page; `last_id` where there is none."""
    page = f"SELECT id FROM {table} WHERE id > {last_id} ORDER BY id LIMIT {ROWS_AT_ONCE}"
    return int(database.fetch_text(f"SELECT coalesce(max(id), {last_id}) FROM ({page}) AS page"))


def _page(database: Database, table: str, after: int, up_to: int) -> str:
    """Read rows as JSON that PostgreSQL writes: no digit is lost, no depth is too deep."""
    rows = f"SELECT * FROM {table} WHERE id > {after} AND id <= {up_to} ORDER BY id"
    return database.fetch_text(f"SELECT coalesce(json_agg(page), '[]')::text FROM ({rows}) AS page")


def _insert(table: str, rows: str) -> str:
    """Write the statements that put rows, as JSON, into a table, with the ids that they had."""
    return (
        f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM {_records(table, rows)};"
        f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), "
        f"(SELECT max(id) FROM {table}));"
    )


def _records(table: str, rows: str) -> str:
    return f"json_populate_recordset(NULL::{table}, {literal(rows)})"


def _set_active(prompt: Prompt) -> str:
    return (
        f"UPDATE prompts SET is_active = FALSE WHERE task_type = {_TASK} AND is_active; "
        f"UPDATE prompts SET is_active = TRUE WHERE id = {prompt.id}"
    )


def _execute_either(database: Database, script: str, where_refused: str) -> None:
    """Run statements; where the database refuses them, such as for a foreign key, run the others.

    Raises:
        DatabaseStatementError: If it refuses those too.
    """
    try:
        database.execute(script)
    except DatabaseStatementError:
        database.execute(where_refused)


def _quote(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _list(values: Sequence[str]) -> str:
    return f"({', '.join(literal(value) for value in values)})"
