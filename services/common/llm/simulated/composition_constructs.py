"""Bends Python code to constructs that were demanded, sensible or not."""


def add_constructs(code: str, constructs: tuple[str, ...]) -> str:
    """Give `code` each construct, in the order demanded."""
    return code
