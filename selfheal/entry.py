"""Where the `selfheal` command begins: light, so that Ctrl-C is answered while the rest loads."""

import sys

from services.common.loading import loading

INTERRUPTED_EXIT_CODE = 130


def main() -> None:
    """Load the command line and run it."""
    try:
        with loading():
            from selfheal.cli.main import app  # noqa: PLC0415 - loading takes half a second
        app()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(INTERRUPTED_EXIT_CODE)


if __name__ == "__main__":
    main()
