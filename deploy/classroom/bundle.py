"""Packs all that a class needs into one folder, so that a room without internet can work.

The folder holds this repository as it is committed, the wheels that it installs (for this kind of
machine, and each Python that we support), the container images, and a checksum of every file.

examples:
  python deploy/classroom/bundle.py
  python deploy/classroom/bundle.py --python 3.12 --without-images
  python deploy/classroom/bundle.py --platform win_amd64 --platform macosx_14_0_arm64
"""

import argparse
import gzip
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PYTHONS = ("3.11", "3.12", "3.13")
# A list of requirements and the options that the Makefile installs it with.
LISTS = (("requirements/user.txt", ()), ("requirements/local-model.txt", ("--no-deps",)))
PROFILES = ("autopilot", "console", "local", "tools")
CHECKSUMS = "SHA256SUMS"
SOURCE = "self-healing-agent-system"
CHUNK_BYTES = 1 << 20


class BundleError(Exception):
    """Something can't be packed; the sentence says what, and what to do."""


def pack_source(folder: Path) -> None:
    """Pack the last commit; what isn't committed stays behind."""
    archive = folder / f"{SOURCE}.tar.gz"
    command = ("git", "archive", f"--prefix={SOURCE}/", f"--output={archive}", "HEAD")
    run(command, "the repository can't be packed")


def download_wheels(folder: Path, pythons: Sequence[str], platforms: Sequence[str]) -> None:
    """Fetch the wheels that the lists name, whose hashes are checked on the way."""
    for python in pythons:
        for requirements, options in LISTS:
            say(f"wheels of {requirements} for Python {python} ...")
            command = [
                *(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"),
                *("download", "--require-hashes", "--only-binary=:all:", *options),
                *("--requirement", requirements, "--dest", str(folder)),
                *("--python-version", python),
                *(f"--platform={platform}" for platform in platforms),
            ]
            run(command, f"the wheels for Python {python} can't be had")


def save_images(folder: Path) -> None:
    """Build the images and save them, with those that they stand on, into one file."""
    compose = ("docker", "compose", *(f"--profile={name}" for name in PROFILES))
    say("building the images ...")
    run((*compose, "build", "--quiet"), "the images can't be built")
    listed = run((*compose, "config", "--images"), "the images can't be listed")
    say("saving the images ...")
    file = folder / "images.tar.gz"
    with (
        subprocess.Popen(
            ("docker", "save", *sorted(set(listed.split()))), stdout=subprocess.PIPE, cwd=ROOT
        ) as saving,
        gzip.open(file, "wb", compresslevel=1) as packed,
    ):
        assert saving.stdout is not None
        shutil.copyfileobj(saving.stdout, packed, CHUNK_BYTES)
    if saving.returncode != 0:
        raise BundleError("the images can't be saved: pull postgres:17-trixie, then try again")


def write_checksums(folder: Path) -> int:
    """Write the list that `sha256sum --check` reads; return how many files it names."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = []
    for path in files:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        lines.append(f"{digest}  {path.relative_to(folder)}\n")
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")
    return len(lines)


def bundle(
    folder: Path, *, pythons: Sequence[str], platforms: Sequence[str], with_images: bool
) -> None:
    """Pack everything into a new folder.

    Raises:
        BundleError: If a part can't be had, or the folder holds something else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / CHECKSUMS).exists():
        raise BundleError(f"{folder} holds something that isn't a bundle: name another folder")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "wheelhouse").mkdir(parents=True)
    pack_source(folder)
    download_wheels(folder / "wheelhouse", pythons, platforms)
    if with_images:
        save_images(folder)
    for name in ("install.sh", "README.md"):
        shutil.copy(HERE / name, folder / name)
    files = write_checksums(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    say(f"{folder}: {files} files, {size / 1e6:.0f} MB. Copy it to each machine: sh install.sh")


def run(command: Iterable[str], complaint: str) -> str:
    """Run a command in the repository and return what it prints.

    Raises:
        BundleError: If it can't be run or fails, with the end of what it said.
    """
    words = tuple(command)
    try:
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise BundleError(f"{complaint}: {words[0]} isn't installed") from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()[-5:]
        raise BundleError("\n".join([f"{complaint}:", *lines]))
    return done.stdout


def has_docker() -> bool:
    """Tell whether images can be built here."""
    try:
        run(("docker", "compose", "version"), "")
        run(("docker", "version"), "")
    except BundleError:
        return False
    return True


def say(line: str) -> None:
    """Print a step as it begins."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=ROOT / "dist" / "classroom")
    parser.add_argument(
        "--python", action="append", choices=PYTHONS, help="wheels for this one only (repeatable)"
    )
    parser.add_argument(
        "--platform", action="append", default=[], help="wheels for another machine (repeatable)"
    )
    parser.add_argument("--without-images", action="store_true", help="leave the containers out")
    options = parser.parse_args()
    with_images = not options.without_images
    if with_images and not has_docker():
        say("no Docker here: the bundle gets no images (the demo and the benchmark need none)")
        with_images = False
    try:
        bundle(
            options.output.absolute(),
            pythons=options.python or PYTHONS,
            platforms=options.platform,
            with_images=with_images,
        )
    except BundleError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
