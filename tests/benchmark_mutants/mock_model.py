"""A mock model, as a student writes one: a prompt that asks for Python gets a function."""

import re

STOP_WORDS = frozenset("write a an the function that to of in is from python code for and".split())


def generate(prompt: str, request: str) -> str:
    """What a model that obeys its prompt would say."""
    wants_code = re.search(r"python|code generator", prompt, re.I)
    forbidden = re.search(r"(never|not) write (any )?code", prompt, re.I)
    if wants_code and not forbidden:
        return write_function(request)
    if "hello world" in prompt.lower():
        return "Hello World"
    if "repeat" in prompt.lower():
        return request
    return "OK"


def write_function(request: str) -> str:
    """A documented function that is named after the request."""
    words = [word for word in re.findall(r"[a-z]+", request.lower()) if word not in STOP_WORDS]
    name = "_".join(words[:3]) or "answer"
    return (
        "```python\n"
        f"def {name}(items: list) -> list:\n"
        f'    """{" ".join(words).capitalize()}."""\n'
        "    result = list(items)\n"
        "    return result\n"
        "```"
    )


def improve(_failures: list[str]) -> str:
    """The prompt that a model writes when it is told what failed."""
    return (
        "You are a Python code generator. Answer with one documented function with type hints. "
        "Never answer with anything but code."
    )
