"""The installed version of this project."""

from importlib.metadata import version


def package_version() -> str:
    """Read the version from the package's metadata."""
    return version("self-healing-agent-system")
