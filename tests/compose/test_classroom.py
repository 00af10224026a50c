"""The images of the classroom's bundle: loaded, they run with nothing to build or to pull."""

import gzip
import importlib.util
import json
from pathlib import Path
from types import ModuleType

from support.containers import ROOT, Containers, ask

OURS = ("manager", "worker", "evaluator", "optimizer", "console", "selfheal", "local-model")


def load_bundle() -> ModuleType:
    path = ROOT / "deploy" / "classroom" / "bundle.py"
    specification = importlib.util.spec_from_file_location("classroom_bundle", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_saved_images_come_back_and_serve(containers: Containers, tmp_path: Path) -> None:
    load_bundle().save_images(tmp_path)
    ids = {name: image_id(containers, name) for name in OURS}
    for name in OURS:
        containers.docker("image", "rm", "--force", f"selfheal/{name}:0.1.0")

    unpacked = tmp_path / "images.tar"
    with gzip.open(tmp_path / "images.tar.gz") as packed, unpacked.open("wb") as file:
        while chunk := packed.read(1 << 20):
            file.write(chunk)
    said = containers.docker("load", "--input", str(unpacked))

    assert "postgres:17-trixie" in said
    assert {name: image_id(containers, name) for name in OURS} == ids
    containers.up("--no-build", "--pull", "never")
    assert ask()[0] == 200
    containers.compose("run", "--rm", "--pull", "never", "optimizer")


def image_id(containers: Containers, name: str) -> str:
    (found,) = json.loads(containers.docker("image", "inspect", f"selfheal/{name}:0.1.0"))
    identity: str = found["Id"]
    return identity
