"""Ways in which models write one and the same code down: 32 wrappings, 10 forms of reasoning.

Each is made after what models are known to do, without a look at what reads their answers.
"""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import indent
from typing import Final, TypeAlias

from benchmarks.evaluator.human_eval import find_function
from benchmarks.evaluator.request_forms import Example

TICKS: Final = "```"
BOM: Final = "\ufeff"
NO_BREAK_SPACE: Final = "\u00a0"


@dataclass(frozen=True, slots=True)
class Solution:
    """What an answer is written from.

    Attributes:
        code: The code that the answer gives in the end; right or wrong, it is what must be judged.
        draft: Code of the opposite kind, for answers that try something else first.
        name: The function that is asked for.
        example: A call and its right value, for answers that show how to use the code.
    """

    code: str
    draft: str
    name: str
    example: Example


# Writes an answer that gives the code.
Wrapping: TypeAlias = Callable[[Solution], str]


def fence(code: str, info: str = "python", mark: str = TICKS) -> str:
    """Put code between fences."""
    return f"{mark}{info}\n{code.rstrip()}\n{mark}\n"


def fence_only(one: Solution) -> str:
    """Write nothing but fenced code: the bare answer that all others are compared with."""
    return fence(one.code)


def fence_as(info: str, mark: str = TICKS) -> Wrapping:
    """Make the wrapping whose fence has this info string."""
    return lambda one: fence(one.code, info, mark)


def number_steps(one: Solution) -> str:
    """Put the code into a numbered list."""
    steps = indent(fence(one.code), " " * 3)
    return f"1. Write the function:\n\n{steps}\n2. Call `{one.name}` where you need it.\n"


def list_bullets(one: Solution) -> str:
    """Put the code into a bullet list, right under its item's text."""
    item = indent(fence(one.code), "  ")
    return f"- The code:\n{item}- It handles all the cases that you asked for.\n"


def quote(one: Solution) -> str:
    """Quote the whole answer."""
    lines = f"Here is the function:\n\n{fence(one.code)}".splitlines()
    return "".join(f"> {line}".rstrip() + "\n" for line in lines)


def surround_with_prose(one: Solution) -> str:
    """Say something before and after, with code in backticks."""
    return (
        f"Certainly! Here is a Python function named `{one.name}` that does what you describe:\n\n"
        f"{fence(one.code)}\n### How it works\n\n- `{one.name}` goes over its input **once**.\n"
        f"- For instance, `{one.example.call}` gives `{one.example.expected}`.\n\n"
        "Let me know if you need anything else!\n"
    )


def show_usage(one: Solution) -> str:
    """Show how to call it in a second block."""
    usage = f"result = {one.example.call}\nprint(result)  # {one.example.expected}"
    return f"{fence(one.code)}\n**Example usage:**\n\n{fence(usage)}"


def show_output(one: Solution) -> str:
    """Show a call and, in a block without a tag, what it prints."""
    call = fence(f"print({one.example.call})")
    return f"{fence(one.code)}\nRunning\n\n{call}\nprints:\n\n{fence(one.example.expected, '')}"


def install_first(one: Solution) -> str:
    """Begin with a shell command."""
    shell = fence("pip install --upgrade pip", "bash")
    return f"Make sure that your environment is up to date:\n\n{shell}\nThen:\n\n{fence(one.code)}"


def import_apart(one: Solution) -> str:
    """Give imports, among them one that the function needs to be defined, in their own block."""
    tree = ast.parse(one.code)
    find_function(tree, one.name).returns = ast.Name("Any", ast.Load())
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    rest = [node for node in tree.body if node not in imports]
    needed = [ast.ImportFrom("typing", [ast.alias("Any")], 0), *imports]
    return (
        f"First, the imports:\n\n{fence(_write(needed))}\n"
        f"Now the function itself:\n\n{fence(_write(rest))}"
    )


def help_apart(one: Solution) -> str:
    """Do the work in a helper, which has a block of its own."""
    tree = ast.parse(one.code)
    main = find_function(tree, one.name)
    main.name = f"_{one.name}"
    names = [argument.arg for argument in main.args.args]
    call = ast.unparse(ast.Call(ast.Name(main.name), [ast.Name(name) for name in names], []))
    entry = f"def {one.name}({', '.join(names)}):\n    return {call}\n"
    return (
        f"We need a helper:\n\n{fence(_write(tree.body))}\n"
        f"With it the function is short:\n\n{fence(entry)}"
    )


def correct(one: Solution) -> str:
    """Give a first attempt, and then a corrected version."""
    return (
        f"{fence(one.draft)}\nWait, this isn't right: for `{one.example.call}` it is off. "
        f"Here is the corrected version:\n\n{fence(one.code)}"
    )


def fence_everything(one: Solution) -> str:
    """Put a markdown fence around everything, with as many backticks as the code's own."""
    return fence(f"## Solution\n\n{fence(one.code)}\nThis covers the edge cases.", "markdown")


def leave_open(one: Solution) -> str:
    """Forget to close the fence."""
    return f"Here you go:\n\n{TICKS}python\n{one.code}"


def close_on_last_line(one: Solution) -> str:
    """Close the fence on the last line of the code."""
    return f"{TICKS}python\n{one.code.rstrip()}{TICKS}\n"


def begin_on_fence_line(one: Solution) -> str:
    """Begin the code on the fence's own line."""
    return f"{TICKS}python {one.code.rstrip()}\n{TICKS}\n"


def end_lines_as_windows(one: Solution) -> str:
    """End every line by CR and LF."""
    return f"Here is the code:\n\n{fence(one.code)}".replace("\n", "\r\n")


def begin_with_bom(one: Solution) -> str:
    """Begin with a byte order mark."""
    return BOM + fence(one.code)


def leave_unfenced(one: Solution) -> str:
    """Give the code alone, without a fence."""
    return one.code


def leave_unfenced_after_prose(one: Solution) -> str:
    """Give a sentence and the code, without a fence."""
    return f"Here is the function you asked for:\n\n{one.code}"


def indent_by_no_break_spaces(one: Solution) -> str:
    """Indent by no-break spaces, as what is copied from a web page does."""
    lines = [
        NO_BREAK_SPACE * (len(line) - len(line.lstrip(" "))) + line.lstrip(" ")
        for line in one.code.splitlines()
    ]
    return fence("\n".join(lines))


def show_session(one: Solution) -> str:
    """Show an interactive session after the code."""
    session = f">>> {one.example.call}\n{one.example.expected}"
    return f"{fence(one.code)}\nIn the interpreter:\n\n{fence(session)}"


def show_tests(one: Solution) -> str:
    """Give tests in a block after the code."""
    tests = (
        f"def test_{one.name}():\n    {one.example.assertion}\n\n\n"
        f'if __name__ == "__main__":\n    test_{one.name}()\n    print("All tests passed!")'
    )
    return f"{fence(one.code)}\nAnd some tests:\n\n{fence(tests)}"


def fence_in_docstring(one: Solution) -> str:
    """Give the function a docstring that holds a fence."""
    tree = ast.parse(one.code)
    session = fence(f">>> {one.example.call}\n{one.example.expected}")
    text = indent(f"\nExample:\n\n{session}", "    ").replace("    \n", "\n", 1)
    docstring = ast.Expr(ast.Constant(f"Do what was asked for.\n{text}    "))
    find_function(tree, one.name).body.insert(0, docstring)
    return f"Here is the documented function:\n\n{fence(_write(tree.body))}"


def think_in_prose(one: Solution) -> str:
    """Think in prose, with an inline piece of code."""
    return (
        f"<think>\nThe user wants `{one.name}`. A loop should do; return early if it's empty.\n"
        f"`{one.example.call}` must be `{one.example.expected}`.\n</think>\n\n{fence(one.code)}"
    )


def think_of_draft(one: Solution) -> str:
    """Think of a draft in a fence, and drop it."""
    return (
        f"<think>\nLet me try:\n\n{fence(one.draft)}\nHmm, {one.example.call} would be wrong "
        f"with that. I'll fix it.\n</think>\n\nHere is the function:\n\n{fence(one.code)}"
    )


def think_within(opening: str, closing: str) -> Wrapping:
    """Make the form that thinks of a draft between these two marks."""
    return lambda one: (
        f"{opening}\nOkay, so I need {one.name}.\n\n{fence(one.draft)}\n"
        f"That isn't what is asked, though.\n{closing}\n\n{fence(one.code)}"
    )


def think_without_opening(one: Solution) -> str:
    """Close a thought that the chat template had opened."""
    return (
        f"Okay, the user needs {one.name}. First idea:\n\n{fence(one.draft)}\n"
        f"No, that breaks on the example.\n</think>\n\n{fence(one.code)}"
    )


def think_in_channels(one: Solution) -> str:
    """Think in the analysis channel of the harmony format, answer in the final one."""
    return (
        f"<|channel|>analysis<|message|>We need {one.name}. Maybe:\n\n{fence(one.draft)}\n"
        "Not quite.<|end|><|start|>assistant<|channel|>final<|message|>"
        f"{fence(one.code)}<|return|>"
    )


def think_otherwise(one: Solution) -> str:
    """Settle on a draft without a fence while thinking, and answer something else."""
    return (
        f"<think>\nSo the solution is:\n\n{one.draft}\nYes, this is correct. I'm done.\n</think>\n"
        f"{fence(one.code)}"
    )


def think_nothing(one: Solution) -> str:
    """Leave the thought empty."""
    return f"<think>\n\n</think>\n\n{fence(one.code)}"


def think_with_open_fence(one: Solution) -> str:
    """Leave a fence open within the thought."""
    return (
        f"<think>\nI'd write\n\n{TICKS}python\n{one.draft}</think>\n\n"
        f"The final code:\n\n{fence(one.code)}"
    )


WRAPPINGS: Final[dict[str, Wrapping]] = {
    "fence: py": fence_as("py"),
    "fence: python3": fence_as("python3"),
    "fence: Python": fence_as("Python"),
    "fence: no tag": fence_as(""),
    "fence: code": fence_as("code"),
    "fence: tool_code": fence_as("tool_code"),
    "fence: text": fence_as("text"),
    "fence: a file name": fence_as("solution.py"),
    "fence: tildes": fence_as("python", "~~~"),
    "fence: four backticks": fence_as("python", "````"),
    "in a numbered list": number_steps,
    "in a bullet list": list_bullets,
    "in a quote": quote,
    "prose around it": surround_with_prose,
    "usage in a second block": show_usage,
    "output in a second block": show_output,
    "pip install first": install_first,
    "imports apart": import_apart,
    "helper apart": help_apart,
    "draft, then corrected": correct,
    "markdown fence around all": fence_everything,
    "fence left open": leave_open,
    "fence closed on last line": close_on_last_line,
    "code on the fence's line": begin_on_fence_line,
    "CRLF": end_lines_as_windows,
    "BOM": begin_with_bom,
    "no fence": leave_unfenced,
    "no fence, after prose": leave_unfenced_after_prose,
    "no-break spaces": indent_by_no_break_spaces,
    "session after it": show_session,
    "tests after it": show_tests,
    "fence in the docstring": fence_in_docstring,
}
REASONING: Final[dict[str, Wrapping]] = {
    "think: prose": think_in_prose,
    "think: a draft": think_of_draft,
    "think: settles otherwise": think_otherwise,
    "think: empty": think_nothing,
    "think: fence left open": think_with_open_fence,
    "think: closing tag alone": think_without_opening,
    "thinking: a draft": think_within("<thinking>", "</thinking>"),
    "reasoning: a draft": think_within("<reasoning>", "</reasoning>"),
    "[THINK]: a draft": think_within("[THINK]", "[/THINK]"),
    "harmony channels": think_in_channels,
}


def _write(nodes: Sequence[ast.stmt]) -> str:
    return ast.unparse(ast.fix_missing_locations(ast.Module([*nodes], []))) + "\n"
