"""Runs a service, or the Optimizer: `python -m services NAME [OPTION...]`."""

import sys
from importlib import import_module

from services.common.loading import loading

SERVICES = ("manager", "worker", "evaluator", "optimizer", "console")

if __name__ == "__main__":
    name, *options = sys.argv[1:] or [""]
    if name not in SERVICES:
        sys.exit(f"usage: python -m services {{{','.join(SERVICES)}}} [OPTION...]")
    if options and name != "optimizer":
        sys.exit(f"{name} takes no options; its settings are environment variables.")
    with loading():
        service = import_module(f"services.{name}.app.main")
    service.main(*options)
