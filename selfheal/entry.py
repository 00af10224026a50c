"""Where the `selfheal` command begins: light, so that Ctrl-C is answered while the rest loads."""

import gc
import sys

INTERRUPTED_EXIT_CODE = 130


def main() -> None:
    """Load the command line and run it."""
    try:
        # Nothing that loads is garbage, and to look for some takes a sixth of the time.
        gc.disable()
        from selfheal.cli.main import app  # noqa: PLC0415 - loading takes half a second

        gc.freeze()
        gc.enable()
        app()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(INTERRUPTED_EXIT_CODE)


if __name__ == "__main__":
    main()
