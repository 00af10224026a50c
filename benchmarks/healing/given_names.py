"""Names that users ask for what they want to be called by: they set requests apart, and no more.

What a model answers and an Evaluator thinks is the same under any of them, so it need not be worked
out again for each. Pure.
"""

import random
import re
from typing import Final

WORDS: Final = (
    *("amber", "basalt", "cedar", "delta", "ember", "fjord", "garnet", "harbor", "indigo"),
    *("juniper", "kelp", "lagoon", "maple", "nectar", "onyx", "pebble", "quartz", "river"),
)
# Nobody draws it, since a name's two words differ.
ANY_NAME: Final = f"{WORDS[0]}_{WORDS[0]}"
_NAME: Final = re.compile(rf"\b(?:{'|'.join(WORDS)})_(?:{'|'.join(WORDS)})\b")


def draw_name(chance: random.Random) -> str:
    """Draw a name that Python takes."""
    return "_".join(chance.sample(WORDS, 2))


def set_name_aside(text: str) -> tuple[str, str]:
    """Put `ANY_NAME` in place of the name in a text.

    Returns:
        The text, and the name that was in it; empty where there was none.
    """
    found = _NAME.search(text)
    return (text.replace(found[0], ANY_NAME), found[0]) if found else (text, "")


def put_name_back(text: str, name: str) -> str:
    """Put a name in place of `ANY_NAME`; an empty one changes nothing."""
    return text.replace(ANY_NAME, name) if name else text
