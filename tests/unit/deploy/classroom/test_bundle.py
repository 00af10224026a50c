import hashlib
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

BUNDLE = Path(__file__).parents[4] / "deploy" / "classroom" / "bundle.py"


@pytest.fixture
def bundle() -> ModuleType:
    specification = importlib.util.spec_from_file_location("classroom_bundle", BUNDLE)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_every_file_gets_a_line_that_sha256sum_reads(bundle: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "wheelhouse").mkdir()
    (tmp_path / "wheelhouse" / "a.whl").write_bytes(b"wheel")
    (tmp_path / "install.sh").write_bytes(b"script")
    assert bundle.write_checksums(tmp_path) == 2
    assert (tmp_path / "SHA256SUMS").read_text().splitlines() == [
        f"{hashlib.sha256(b'script').hexdigest()}  install.sh",
        f"{hashlib.sha256(b'wheel').hexdigest()}  wheelhouse/a.whl",
    ]


def test_a_folder_that_holds_something_else_is_left_alone(
    bundle: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(bundle.BundleError, match="name another folder"):
        bundle.bundle(tmp_path, pythons=(), platforms=(), with_images=False)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_command_that_fails_is_told_by_the_end_of_what_it_said(bundle: ModuleType) -> None:
    failing = ("sh", "-c", "seq 9 >&2; exit 3")
    with pytest.raises(bundle.BundleError) as raised:
        bundle.run(failing, "the seed can't be had")
    assert str(raised.value).splitlines() == ["the seed can't be had:", "5", "6", "7", "8", "9"]


def test_a_command_that_is_missing_is_named(bundle: ModuleType) -> None:
    with pytest.raises(bundle.BundleError, match="nosuchprogram isn't installed"):
        bundle.run(("nosuchprogram",), "the seed can't be had")
