"""Takes golden inputs that hold a person's texts out of the operator's files."""

import json
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from selfheal.erasure.texts import PersonsTexts
from services.common.private_files import write_private
from services.common.task_types.reading import GOLDEN_INPUTS_FILE


def erase_from_golden_inputs(
    directory: Path, texts: PersonsTexts, *, is_dry: bool
) -> tuple[int, list[str]]:
    """Take out golden inputs with a text that is long enough to be theirs; name the others.

    Args:
        directory: That of the operator's task types.
        is_dry: Only count.

    Returns:
        How many there were, and what takes a hand, in sentences.
    """
    count, left = 0, []
    for path in sorted(directory.glob(f"*/{GOLDEN_INPUTS_FILE}")):
        try:
            halves = json.loads(path.read_text(encoding="utf-8-sig"))
            held = [one for one in chain(*halves.values()) if _holds(texts, one)]
            theirs = [one for one in held if _holds(texts, [*one.values()])]
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            left.append(f"{path} can't be read: look into it.")
            continue
        if theirs and (is_dry or _take_out(path, halves, theirs)):
            count += len(theirs)
            left.append(
                f"{path} loses golden inputs: restart the system, which has them in memory."
            )
            held = [one for one in held if one not in theirs]
        left += [
            f"{path} holds a text that may be theirs: take out its golden input "
            f"{one.get('id')!r} if it is."
            for one in held
        ]
    return count, left


def _holds(texts: PersonsTexts, value: object) -> bool:
    """Tell whether JSON holds a text of theirs; a short one counts under an input's key alone."""
    return bool(texts.erase_from(value) != value)


def _take_out(path: Path, halves: Mapping[str, list[object]], theirs: list[object]) -> bool:
    """Write a file without some of its inputs; tell whether it can be written."""
    kept = {half: [one for one in inputs if one not in theirs] for half, inputs in halves.items()}
    try:
        mode = path.stat().st_mode
        write_private(path, json.dumps(kept, ensure_ascii=False, indent=2) + "\n")
        path.chmod(mode)
    except OSError:
        return False
    return True
