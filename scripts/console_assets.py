"""Fetches from npm what the console and its tests take from others: `make console-assets`.

`requirements/console-assets.toml` pins each package by the hash of its archive, and each file that
is taken from it by its own.
"""

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PINS = ROOT / "requirements" / "console-assets.toml"


def main() -> None:
    """Fetch all, and write it only where every hash is the pinned one."""
    for package in tomllib.loads(PINS.read_text(encoding="utf-8"))["package"]:
        for name, content in fetch(package).items():
            place = ROOT / package["folder"] / Path(name).name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        print(f"{package['name']} {package['version']}")


def fetch(package: dict[str, Any]) -> dict[str, bytes]:
    """Return a package's pinned files by their names in it."""
    with tempfile.TemporaryDirectory() as folder:
        archive = pack(f"{package['name']}@{package['version']}", Path(folder))
        require(archive.read_bytes(), package["integrity"], archive.name)
        with tarfile.open(archive) as tar:
            found = {name: read(tar, name) for name in package["files"]}
    for name, content in found.items():
        require(content, package["files"][name], name)
    return found


def pack(wanted: str, folder: Path) -> Path:
    """Have npm fetch a package's archive."""
    subprocess.run(["npm", "pack", "--silent", wanted], cwd=folder, check=True, stdout=sys.stderr)
    (archive,) = folder.glob("*.tgz")
    return archive


def read(tar: tarfile.TarFile, name: str) -> bytes:
    """Read a file of a package's archive."""
    file = tar.extractfile(f"package/{name}")
    if file is None:
        sys.exit(f"{name} is no file")
    return file.read()


def require(content: bytes, integrity: str, name: str) -> None:
    """End here where a content's hash isn't the pinned one, in npm's form."""
    algorithm, _, expected = integrity.partition("-")
    found = base64.b64encode(hashlib.new(algorithm, content).digest()).decode()
    if found != expected:
        sys.exit(f"{name} isn't what was pinned: {algorithm}-{found}")


if __name__ == "__main__":
    main()
