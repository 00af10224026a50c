"""Runs a service, or the Optimizer: `python -m services NAME [OPTION...]`."""

import sys
from importlib import import_module

from services.common.loading import loading

if __name__ == "__main__":
    _, name, *options = sys.argv
    with loading():
        service = import_module(f"services.{name}.app.main")
    service.main(*options)
