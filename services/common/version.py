"""The installed version of this project."""

from importlib.metadata import version

DISTRIBUTION = "self-healing-agent-system"


def package_version() -> str:
    """Read the version from the package's metadata."""
    return version(DISTRIBUTION)
