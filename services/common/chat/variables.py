"""Variables of a prompt: `{{name}}` stands for a value that each request gives. Pure."""

import re
from collections.abc import Mapping

from services.common.schemas import VARIABLE_NAME

_VARIABLE = re.compile(r"\{\{(" + VARIABLE_NAME + r")\}\}")


def find_variables(prompt: str) -> frozenset[str]:
    """Return the names that a prompt has in double braces."""
    return frozenset(_VARIABLE.findall(prompt))


def fill_in(prompt: str, values: Mapping[str, str]) -> str:
    """Replace each variable that has a value, in one pass: what stands in a value is left as it is.

    A name without a value stays as it stands, since braces may mean something else to the model.
    """
    return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), prompt)
