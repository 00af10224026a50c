"""Tells what a program reads from its user: its standard input, its arguments. Pure."""

import ast

from services.evaluator.app.services.code.syntax import dotted_name, imported_names, original_name

INPUTS = frozenset({"input", "sys.stdin", "fileinput.input"})
ARGUMENTS = frozenset({"sys.argv", "argparse.ArgumentParser", "click.command", "typer.run"})


def reads_input(tree: ast.Module) -> bool:
    """Tell whether a program reads its standard input somewhere."""
    return bool(_names_used(tree) & INPUTS) or any(map(_opens_input, ast.walk(tree)))


def reads_arguments(tree: ast.Module) -> bool:
    """Tell whether a program reads the arguments of its command line somewhere."""
    return bool(_names_used(tree) & ARGUMENTS)


def has_prompts(tree: ast.Module) -> bool:
    """Tell whether a program asks for its input, so that it prints its question as well."""
    return any(
        isinstance(node, ast.Call) and dotted_name(node.func) == "input" and node.args
        for node in ast.walk(tree)
    )


def _names_used(tree: ast.Module) -> set[str]:
    origins = imported_names(tree)
    names = (
        dotted_name(node) for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute)
    )
    return {original_name(name, origins) for name in names if name}


def _opens_input(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="open"), args=[ast.Constant(value=0 | "/dev/stdin"), *_]):
            return True
    return False
