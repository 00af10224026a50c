"""Reads the layout of a source tree: folders, families of names, and who imports whom."""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

MOST_MODULES = 20
LARGEST_FAMILY = 3


def find_modules(root: Path, tops: Iterable[str]) -> dict[str, Path]:
    """Find the modules below some folders of `root`, by dotted name."""
    return {
        _name_of(path.relative_to(root)): path
        for top in tops
        for path in sorted((root / top).rglob("*.py"))
    }


def _name_of(path: Path) -> str:
    # What lies in `scripts` is imported from there.
    parts = path.with_suffix("").parts
    parts = parts[1:] if parts[0] == "scripts" else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def crowded_folders(modules: Iterable[Path]) -> list[str]:
    """List the folders that hold more than 20 modules."""
    counts = Counter(path.parent for path in modules if path.name != "__init__.py")
    return [
        f"{folder} holds {count} modules"
        for folder, count in counts.items()
        if count > MOST_MODULES
    ]


def prefix_families(modules: Iterable[Path]) -> list[str]:
    """List the folders in which four or more modules share the first word of their names."""
    families: dict[tuple[Path, str], list[str]] = defaultdict(list)
    for path in modules:
        if path.name != "__init__.py":
            families[path.parent, path.stem.split("_")[0]].append(path.name)
    return [
        f"{folder}: {', '.join(names)} want a package of their own"
        for (folder, _), names in families.items()
        if len(names) > LARGEST_FAMILY
    ]


def circles(modules: dict[str, Path]) -> list[str]:
    """List the folders whose files and subfolders import one another in a circle."""
    found = []
    for folder, arrows in _arrows_by_folder(modules).items():
        try:
            TopologicalSorter(arrows).prepare()
        except CycleError as error:
            found.append(f"{folder or 'the repository'}: {' <- '.join(error.args[1])}")
    return found


def _arrows_by_folder(modules: dict[str, Path]) -> dict[str, dict[str, set[str]]]:
    arrows: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, path in modules.items():
        for imported in _imports(name, path, modules):
            here, there = name.split("."), imported.split(".")
            shared = 0
            while here[shared : shared + 1] == there[shared : shared + 1] != []:
                shared += 1
            # A package's own `__init__` is what the package offers: it may import all of it.
            if shared < len(here) and shared < len(there):
                arrows[".".join(here[:shared])][here[shared]].add(there[shared])
    return arrows


def _imports(name: str, path: Path, modules: dict[str, Path]) -> Iterator[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                if inner in modules:
                    yield inner
                elif module in modules:
                    yield module
