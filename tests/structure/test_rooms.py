"""The layout keeps its bars: small folders, packages instead of prefixes, imports one way."""

from pathlib import Path

import pytest
from structure.rooms import circles, crowded_folders, find_modules, prefix_families

ROOT = Path(__file__).parents[2]
TOPS = ("services", "selfheal", "simulated_model", "scripts", "deploy", "benchmarks")
MODULES = find_modules(ROOT, TOPS)


def test_no_folder_is_crowded() -> None:
    assert not crowded_folders(MODULES.values())


def test_a_family_of_names_is_a_package() -> None:
    assert not prefix_families(MODULES.values())


def test_nothing_imports_in_a_circle() -> None:
    assert not circles(MODULES)


def test_tests_lie_where_their_subject_does() -> None:
    folders = {
        path.parent.relative_to(ROOT / "tests" / kind)
        for kind in ("unit", "integration")
        for path in (ROOT / "tests" / kind).rglob("test_*.py")
    }
    # Tests of the contract and of the test stand-ins mirror no source folder.
    assert not {
        folder
        for folder in folders
        if folder.parts[:1] not in [(), ("contract",), ("support",)]
        and not (ROOT / folder).is_dir()
    }


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    def write(path: str, text: str = "") -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    write("top/low/one.py")
    write("top/low/two.py", "from top.low.one import x")
    write("top/high/three.py", "import top.low.two")
    write("top/__init__.py", "from top.high import three")
    return tmp_path


def test_a_tidy_tree_passes(tree: Path) -> None:
    modules = find_modules(tree, ["top"])
    assert "top.low.two" in modules
    assert (
        not circles(modules) + crowded_folders(modules.values()) + prefix_families(modules.values())
    )


@pytest.mark.parametrize(
    "line",
    [
        "from top.high import three",
        "import top.high.three",
        "from top.high.three import y",
        "from ..high.three import y",
        "from ..high import three",
    ],
)
def test_an_import_upward_closes_a_circle(tree: Path, line: str) -> None:
    (tree / "top" / "low" / "one.py").write_text(line, encoding="utf-8")
    assert any(found.startswith("top: ") for found in circles(find_modules(tree, ["top"])))


def test_twenty_one_modules_are_a_crowd(tree: Path) -> None:
    for number in range(19):
        (tree / "top" / "low" / f"module{number}.py").touch()
    assert crowded_folders(find_modules(tree, ["top"]).values()) == [
        f"{tree / 'top' / 'low'} holds 21 modules"
    ]


def test_four_of_a_name_are_a_family(tree: Path) -> None:
    for name in ("two_a", "two_b"):
        (tree / "top" / "low" / f"{name}.py").touch()
    assert not prefix_families(find_modules(tree, ["top"]).values())
    (tree / "top" / "low" / "two_c.py").touch()
    assert prefix_families(find_modules(tree, ["top"]).values())
