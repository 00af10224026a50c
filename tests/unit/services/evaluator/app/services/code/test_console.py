"""What programs read from their users."""

import ast

from support.rows import for_each

from services.evaluator.app.services.code.console import has_prompts, reads_arguments, reads_input


@for_each(
    [
        ("print(input())", True, False),
        ("import sys\nfor line in sys.stdin: print(line)", True, False),
        ("from sys import stdin as s\nprint(s.read())", True, False),
        ("import fileinput\nfor line in fileinput.input(): print(line)", True, False),
        ("print(open(0).read())", True, False),
        ("import sys\nprint(sys.argv[1])", False, True),
        ("from sys import argv\nprint(argv)", False, True),
        ("import argparse as a\na.ArgumentParser().parse_args()", False, True),
        ("def f(input_text): return input_text", False, False),
        ("print(open('input').read())", False, False),
    ]
)
def test_what_a_program_reads(row: tuple[str, bool, bool]) -> None:
    source, from_input, from_arguments = row
    tree = ast.parse(source)
    assert (reads_input(tree), reads_arguments(tree)) == (from_input, from_arguments)


def test_a_prompt_is_what_input_is_given() -> None:
    assert has_prompts(ast.parse("n = input('n: ')"))
    assert not has_prompts(ast.parse("n = input()"))
