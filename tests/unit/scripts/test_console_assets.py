"""What the console's pages take from others is what was pinned, down to the byte."""

import tomllib

import console_assets
import pytest


def test_each_file_of_others_is_the_pinned_one_with_its_licence() -> None:
    packages = tomllib.loads(console_assets.PINS.read_text(encoding="utf-8"))["package"]
    pinned = {
        console_assets.ROOT / one["folder"] / name.rpartition("/")[2]: integrity
        for one in packages
        for name, integrity in one["files"].items()
    }
    vendors = {path.parents[1] for path in pinned}
    assert set(pinned) == {
        path for vendor in vendors for path in vendor.rglob("*") if path.is_file()
    }
    for path, integrity in pinned.items():
        console_assets.require(path.read_bytes(), integrity, path.name)
        assert (path.parent / "LICENSE").is_file()


def test_anything_else_is_refused() -> None:
    with pytest.raises(SystemExit, match="isn't what was pinned"):
        console_assets.require(b"other", "sha256-AAAA", "x.js")
