"""The console's languages: English as the templates have it, and Korean by a table."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request

TEXTS: Final = Path(__file__).parents[1] / "texts"
LANGUAGES: Final = ("en", "ko")
LANGUAGE_COOKIE: Final = "language"


def choose_language(request: Request) -> str:
    """Return the language of a page: the one that was switched to, else the browser's first."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    wanted = request.headers.get("accept-language", "").split(",")
    offered = (part.partition(";")[0].strip().lower()[:2] for part in wanted)
    return next((language for language in offered if language in LANGUAGES), LANGUAGES[0])


@cache
def load_translation(language: str) -> dict[str, str]:
    """Load a language's sentences, by the English ones; English itself has none."""
    sentences: dict[str, str] = {}
    for file in sorted((TEXTS / language).glob("*.toml")):
        sentences |= tomllib.loads(file.read_text(encoding="utf-8"))
    return sentences
