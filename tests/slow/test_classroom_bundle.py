"""The folder for a class without internet: packed here, installed where there is no network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# A network namespace of its own, with loopback and nothing else. Root needs no user namespace for
# it, and mustn't have one that lacks the account which PostgreSQL runs under.
OWN_USERS = () if os.geteuid() == 0 else ("--map-current-user", "--keep-caps")
OFFLINE = ("unshare", "--net", *OWN_USERS, "sh", "-euc")


def can_go_offline() -> bool:
    try:
        done = subprocess.run((*OFFLINE, "ip link set lo up"), capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not can_go_offline():
        pytest.skip("unshare and ip (util-linux, iproute2) can't take the network away here")
    folder = tmp_path_factory.mktemp("classroom") / "the bundle"
    packing = (sys.executable, "deploy/classroom/bundle.py", "--without-images")
    subprocess.run((*packing, "--python", PYTHON, "--output", folder), cwd=ROOT, check=True)
    return folder


def offline(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = (*OFFLINE, f"ip link set lo up; {script}", "sh", *map(str, arguments))
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent"}
    environment["PYTHON"] = sys.executable
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=600, check=False
    )


def test_the_demo_is_installed_and_runs_with_no_network(bundle: Path, tmp_path: Path) -> None:
    room = tmp_path / "class room"
    installed = offline('sh "$1/install.sh" "$2"', bundle, room)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    project = room / "self-healing-agent-system"
    nothing = offline(
        '"$1" -c "import socket; socket.create_connection((\'198.51.100.1\', 80))"', sys.executable
    )
    assert "unreachable" in nothing.stderr
    played = offline('cd "$1"; make demo LLM=simulated', project)
    assert played.returncode == 0, played.stdout + played.stderr
    assert "was replaced by v100" in played.stdout
    again = offline('sh "$1/install.sh" "$2"', bundle, room)
    assert (again.returncode, "is there already" in again.stderr) == (1, True)


def test_a_damaged_bundle_is_refused(bundle: Path, tmp_path: Path) -> None:
    archive = bundle / "self-healing-agent-system.tar.gz"
    whole = archive.read_bytes()
    archive.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        refused = offline('sh "$1/install.sh" "$2"', bundle, tmp_path)
    finally:
        archive.write_bytes(whole)
    assert refused.returncode == 1
    assert "damaged" in refused.stderr
    assert not (tmp_path / "self-healing-agent-system").exists()
