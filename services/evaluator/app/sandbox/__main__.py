"""Shows whether code can be run safely here: `python -m services.evaluator.app.sandbox`."""

import sys

from services.evaluator.app.sandbox import probe_sandbox

if __name__ == "__main__":
    availability = probe_sandbox("auto")
    if not availability.is_available:
        sys.exit(f"Code is not run on this machine: {availability.problem}.")
    sys.stdout.write(f"{availability.backend}: {', '.join(availability.layers)}\n")
