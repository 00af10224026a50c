"""What it costs writers of the log that failures are announced: failing rows beside passing ones.

A number of connections insert rows at once, each in a transaction of its own, through the real
schema with all its triggers; fsync is on. Passing and failing rounds take turns, so that a noisy
machine spoils both alike. Listeners change nothing: who announces takes its lock without any too.

examples:
  python -m benchmarks.decisions.failing_writers
  python -m benchmarks.decisions.failing_writers --writers 16 --seconds 5 --rounds 5
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime.assembly import find_schema
from selfheal.runtime.postgres.binaries import find_binaries

INSERT: Final = """
INSERT INTO execution_logs (request_id, task_type, user_input, refined_input, prompt_version,
    worker_output, evaluation_score, evaluation_passed, evaluation_detail)
VALUES (gen_random_uuid(), 'code_generation', 'u', 'u', 1, 'o', {score}, {passed},
    '{{"worker": {{"model": "m"}}}}');
"""
ROWS: Final = {
    "pass": INSERT.format(score=0.9, passed="TRUE"),
    "fail": INSERT.format(score=0.2, passed="FALSE"),
}
LEAST_SHARE: Final = 0.9


def measure(database_url: str, script: Path, *, writers: int, seconds: int) -> float:
    """Insert rows for so many seconds; return how many rows a second were committed."""
    command = [str(find_binaries().program("pgbench")), "--no-vacuum", "--client", str(writers)]
    command += ["--jobs", "2", "--time", str(seconds), "--file", str(script), database_url]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    line = next(line for line in told.splitlines() if line.startswith("tps = "))
    return float(line.split()[2])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure from the command line; 1 where failing rows are written too slowly."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.decisions.failing_writers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--writers", type=int, default=16, help="connections (%(default)s)")
    parser.add_argument("--seconds", type=int, default=4, help="of each round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="of each kind (%(default)s)")
    options = parser.parse_args(arguments)
    rates: dict[str, list[float]] = {kind: [] for kind in ROWS}
    with temporary_postgres(find_schema()) as postgres, TemporaryDirectory() as directory:
        scripts = {kind: Path(directory, f"{kind}.sql") for kind in ROWS}
        for kind, statement in ROWS.items():
            scripts[kind].write_text(statement)
        for _ in range(options.rounds):
            for kind, script in scripts.items():
                rate = measure(
                    postgres.database_url, script, writers=options.writers, seconds=options.seconds
                )
                rates[kind].append(rate)
                sys.stdout.write(f"{kind}: {rate:,.0f} rows a second\n")
    share = median(rates["fail"]) / median(rates["pass"])
    sys.stdout.write(
        f"failing rows are written {share:.2f} times as fast as passing ones (medians of "
        f"{options.rounds} rounds, {options.writers} writers; aim at least {LEAST_SHARE})\n"
    )
    return 0 if share >= LEAST_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
