"""Takes off what isn't text: signs that can't be seen around it, and a model's end tokens. Pure."""

import re

FENCE_LINE = re.compile(r"^[^\w\n]{0,20}(?:`{3,}|~{3,})[^\n`]*$", re.M)
UNSEEN = "\ufeff\u200b\u200c\u200d\u2060"
END_TOKEN = re.compile(r"<[^<>\s]{1,30}>")
MAX_TOKEN_CHARACTERS = 32


def strip_marks(text: str) -> str:
    """Strip blanks, signs that can't be seen, and `</s>`, `<|im_end|>` and the like at the end."""
    while True:
        text = text.strip().strip(UNSEEN)
        start = text.rfind("<", -MAX_TOKEN_CHARACTERS)
        if start < 0 or not END_TOKEN.fullmatch(text, start):
            return text.strip()
        text = text[:start]
