"""The runs of a program that a request shows."""

from support.rows import for_each

from services.evaluator.app.sandbox.run.request import ProgramRun
from services.evaluator.app.services.examples.program_runs import find_program_examples

ADDING = (ProgramRun("3 4\n"), "7")


@for_each(
    [
        "Input:\n```\n3 4\n```\nOutput:\n```\n7\n```",
        "### Sample Input 1\n3 4\n\n### Sample Output 1\n7\n",
        "**Input**\n\n    3 4\n\n**Output**\n\n    7\n",
        "```\nInput:\n3 4\nOutput:\n7\n```",
        "Input: 3 4\nOutput: 7",
        "Given the input `3 4` it prints `7`.",
        "It prints '7' for the input '3 4'.",
        '입력:\n3 4\n\n출력:\n7\n',
    ]
)  # fmt: skip
def test_an_input_and_what_is_printed_are_found(text: str) -> None:
    assert [(one.run, one.output) for one in find_program_examples(text)] == [ADDING]


SAMPLE = "Input\n3 4\n\nOutput\n7\n"
NUMBERED = "Sample Input 1\nCopy\n3 4\n\nSample Output 1\nCopy\n7\n"
KOREAN = "예제 입력 1 복사\n3 4\n\n예제 출력 1 복사\n7\n"


@for_each(
    [
        f"Input\nTwo integers on a line.\n\nOutput\nPrint their sum.\n\nExample\n{SAMPLE}",
        f"## Input\n```\nA B\n```\n\n## Output\nPrint A + B.\n\n## Samples\n{SAMPLE}",
        f"-----Input-----\nTwo\n\n-----Output-----\nThe sum\n\n-----Examples-----\n{SAMPLE}",
        f"Input\nTwo.\n\nOutput\nOne.\n\n{NUMBERED}",
        f"입력\n정수가 주어진다.\n\n출력\n합을 출력한다.\n\n{KOREAN}",
        f"<pre>\n{SAMPLE}</pre>",
    ]
)
def test_of_a_problem_statement_the_samples_alone_count(text: str) -> None:
    assert [(one.run, one.output) for one in find_program_examples(text)] == [ADDING]


@for_each(
    [
        "Input\n\nThe first line contains n numbers.\n\nOutput\n\nPrint the largest of them.\n",
        "Input: a line of words, no longer than 80.\nOutput: the line reversed.\n",
        "입력\n수가 주어진다.\n\n출력\n합을 출력한다.\n",
    ]
)
def test_sentences_about_input_and_output_are_no_run(text: str) -> None:
    assert find_program_examples(text) == ()


@for_each(
    [
        ("$ python add.py 3 4\n7", ProgramRun(argv=("3", "4")), "7"),
        ("$ python3 a.py --name 'A B'\nA B\nC\n$ ls", ProgramRun(argv=("--name", "A B")), "A B\nC"),
        ("$ echo 3 4 | python add.py\n7", ProgramRun("3 4\n"), "7"),
        ("$ printf 'a\\nb\\n' | python wc.py -l\n2", ProgramRun("a\nb\n", ("-l",)), "2"),
        ("$ python calc.py '2 * (3 + 4)'\n14", ProgramRun(argv=("2 * (3 + 4)",)), "14"),
        ("```\n$ python tree.py 2\n *\n\n***\n```", ProgramRun(argv=("2",)), " *\n\n***"),
        ("Running `python add.py 3 4` prints `7`.", ProgramRun(argv=("3", "4")), "7"),
        ("It prints 1 to 2. The output should be:\n```\n1\n2\n```", ProgramRun(), "1\n2"),
    ]
)
def test_commands_are_read_as_a_shell_does(row: tuple[str, ProgramRun, str]) -> None:
    text, run, output = row
    assert [(one.run, one.output) for one in find_program_examples(text)] == [(run, output)]


@for_each(
    [
        "Input: nums = [2, 7], target = 9\nOutput: [0, 1]",
        "Input: [1, 2]\nOutput: 3",
        'Input: "abc"\nOutput: "cba"',
        "$ python add.py < numbers.txt\n7",
        "$ python add.py *.txt\n7",
        "$ python add.py\nusage: add.py A B",
        "$ pip install it\ndone",
        "Input format: two numbers\nOutput format: their sum",
        "It takes an input and gives an output.",
    ]
)
def test_what_is_not_sure_is_no_run(text: str) -> None:
    assert find_program_examples(text) == ()


def test_hostile_text_gives_few_runs() -> None:
    assert len(find_program_examples("Input:\n1\nOutput:\n2\n" * 3_000)) == 1
    assert find_program_examples("input `" * 3_000) == ()


@for_each(
    [
        ("STDIN\n-----\nab\n\nSTDOUT\n------\nba", "ab\n", "ba"),
        ("Input\n=====\nab\n\nOutput\n======\nba", "ab\n", "ba"),
        ("Sample Input\n------------\nab\n\nSample Output\n-------------\nba", "ab\n", "ba"),
        ("Input\n3\n\nOutput\n---\n---", "3\n", "---\n---"),
        ("Input:\n------\n\nOutput:\n-------", "------\n", "-------"),
    ],
)
def test_the_line_under_a_heading_is_no_part_of_what_follows(
    row: tuple[str, str, str],
) -> None:
    text, stdin, output = row
    (example,) = find_program_examples(f"Write a program.\n\n{text}")
    assert (example.run.stdin, example.output) == (stdin, output)
