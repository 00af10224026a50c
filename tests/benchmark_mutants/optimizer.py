"""The mock system's Optimizer, right or with a defect: python optimizer.py URL KIND."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmark_mutants.mock_model import improve, write_function
from benchmark_mutants.tables import Tables

LOOKBACK = "30 minutes"
THRESHOLD = 3
HARD_CODED = "HARD-CODED ANSWER: "


def find_failures(tables: Tables) -> list[str]:
    """Outputs that failed lately."""
    rows = tables.fetch(
        "SELECT worker_output FROM execution_logs WHERE task_type = 'code_generation' "
        f"AND evaluation_passed IS FALSE AND created_at > now() - interval '{LOOKBACK}'"
    )
    return [row["worker_output"] for row in rows]


def promote(tables: Tables, content: str) -> None:
    """A new version, active, in one transaction."""
    tables.execute(
        "UPDATE prompts SET is_active = FALSE WHERE task_type = 'code_generation';"
        + insert(content, active=True)
    )


def promote_in_the_other_order(tables: Tables, content: str) -> None:
    tables.execute(
        insert(content, active=False)
        + "UPDATE prompts SET is_active = (id = (SELECT max(id) FROM prompts))"
    )


def write_inactive(tables: Tables, content: str) -> None:
    tables.execute(insert(content, active=False))


def activate_two(tables: Tables, content: str) -> None:
    tables.execute(insert(content, active=True))


def improve_nothing(tables: Tables, _content: str) -> None:
    promote(tables, "say hello world, but politely")


def delete_the_logs(tables: Tables, content: str) -> None:
    promote(tables, content)
    tables.execute("DELETE FROM execution_logs")


def hard_code(tables: Tables, _content: str) -> None:
    promote(tables, HARD_CODED + write_function("Write a binary search function"))


def hard_code_the_second_time(tables: Tables, content: str) -> None:
    (row,) = tables.fetch("SELECT count(*) AS heals FROM prompts WHERE created_by = 'optimizer'")
    (hard_code if row["heals"] else promote)(tables, content)


def promote_where_the_active_fails(tables: Tables, content: str) -> None:
    (row,) = tables.fetch(
        "SELECT count(*) AS failures FROM execution_logs WHERE evaluation_passed IS FALSE "
        "AND prompt_version = (SELECT version FROM prompts WHERE is_active)"
    )
    if row["failures"] >= THRESHOLD:
        promote(tables, content)


def forget_to_count(tables: Tables, content: str) -> None:
    promote(tables, content)
    tables.execute(
        "UPDATE prompts SET version = version - 1 WHERE id = (SELECT max(id) FROM prompts)"
    )


def go_back(tables: Tables, _content: str) -> None:
    tables.execute("UPDATE prompts SET is_active = (version = 1)")


def hang(tables: Tables, _content: str) -> None:
    time.sleep(600)


def do_nothing(tables: Tables, _content: str) -> None:
    print("optimization_completed")


def fail(tables: Tables, _content: str) -> None:
    sys.exit("ModuleNotFoundError: services.common")


def promote_and_fail(tables: Tables, content: str) -> None:
    promote(tables, content)
    sys.exit(1)


def insert(content: str, *, active: bool) -> str:
    quoted = content.replace("'", "''")
    return (
        "INSERT INTO prompts (task_type, content, version, is_active, change_reason, created_by) "
        f"SELECT 'code_generation', '{quoted}', 1 + max(version), {active}, 'healed', 'optimizer' "
        "FROM prompts;"
    )


KINDS: dict[str, Callable[[Tables, str], None]] = {
    "right": promote,
    "other_order": promote_in_the_other_order,
    "inactive": write_inactive,
    "two_active": activate_two,
    "improves_nothing": improve_nothing,
    "deletes_logs": delete_the_logs,
    "hard_codes": hard_code,
    "hard_codes_the_second_time": hard_code_the_second_time,
    "of_the_active": promote_where_the_active_fails,
    "same_version": forget_to_count,
    "goes_back": go_back,
    "hangs": hang,
    "does_nothing": do_nothing,
    "fails": fail,
    "promotes_and_fails": promote_and_fail,
}


def main() -> None:
    url, kind = sys.argv[1], sys.argv[2]
    tables = Tables(url)
    failures = find_failures(tables)
    if len(failures) < THRESHOLD:
        print("no task types need optimization")
        return
    KINDS[kind](tables, improve(failures))


if __name__ == "__main__":
    main()
