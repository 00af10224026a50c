"""The command: grade, write the report, print what it comes to."""

import io
import json
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from grading.database.connecting import connect
from grading.errors import INTERRUPTED_EXIT_CODE, GradingError
from grading.options import Options, parse_options
from grading.progress import say
from grading.reporting import render_summary, report_as_json, write_reports
from grading.result import Report
from grading.run import ENDING_SIGNALS, grade


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit code that `--help` gives."""
    options = parse_options(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console may know fewer characters than we say
            stream.reconfigure(errors="replace")
    for number in ENDING_SIGNALS:
        signal.signal(number, _interrupt)
    try:
        report = _grade(options)
        _tell(report, options)
    except GradingError as error:
        say(f"error: {error} {error.remedy}")
        return error.exit_code
    except KeyboardInterrupt:
        say("Interrupted, with no grading under way.")
        return INTERRUPTED_EXIT_CODE
    except OSError as error:
        say(
            f"error: {error.filename or 'a file'}: {error.strerror or error}. "
            "Name another folder with --output-dir."
        )
        return 1
    return 0


def _grade(options: Options) -> Report:
    database = connect(options, os.environ)
    try:
        return grade(options, database, say)
    finally:
        database.close()


def _tell(report: Report, options: Options) -> None:
    files = write_reports(report, options.output_dir, options.lang)
    if options.json:
        content = report_as_json(report, options.lang)
        sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.write(render_summary(report, options.lang) + "\n")
    say("\n".join(map(str, files)))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Take each as Ctrl-C, once: what puts the prompts back is not to be interrupted itself."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    # Not through a stream, which may be in the middle of a line.
    os.write(2, b"stopping; an Optimizer that runs has 15 seconds to end ...\n")
    raise KeyboardInterrupt
