import tomllib
from pathlib import Path

from selfheal.runtime.assembly import find_schema
from selfheal.runtime.schema.migrations import find_migrations

ROOT = Path(__file__).parents[5]


def test_the_migrations_beside_a_schema_are_found_in_order(tmp_path: Path) -> None:
    directory = tmp_path / "migrations"
    directory.mkdir()
    for name in ("0010_later.sql", "0002_first.sql", "notes.txt", "draft.sql", "0003_x.sql~"):
        (directory / name).touch()
    found = find_migrations(tmp_path / "schema.sql")
    assert [(one.number, one.file.name) for one in found] == [
        (2, "0002_first.sql"),
        (10, "0010_later.sql"),
    ]


def test_a_schema_without_migrations_has_none(tmp_path: Path) -> None:
    assert find_migrations(tmp_path / "schema.sql") == []


def test_ours_are_numbered_without_a_gap_and_each_notes_its_number() -> None:
    migrations = find_migrations(find_schema())
    assert [one.number for one in migrations] == list(range(2, 2 + len(migrations)))
    for migration in migrations:
        note = f"INSERT INTO selfheal.migrations (number) VALUES ({migration.number})"
        assert note in migration.file.read_text(encoding="utf-8")


def test_the_wheel_carries_them_beside_the_schema() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    carried = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert carried["db/schema.sql"] == "selfheal/runtime/schema.sql"
    assert carried["db/migrations"] == "selfheal/runtime/migrations"
    assert carried["db/roles.sql"] == "selfheal/runtime/roles.sql"
