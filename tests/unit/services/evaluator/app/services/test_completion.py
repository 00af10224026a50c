"""Answers that are only a body."""

from support.rows import for_each

from services.evaluator.app.services.evidence import gather_evidence

OPEN = 'def clamp(x: int, top: int) -> int:\n    """Cut x at top."""\n'
METHOD = "```python\nclass Solution:\n    def clamp(self, x: int, top: int) -> int:\n```"
BODY = "    if x > top:\n        return top\n    return x"


def source_of(request: str, answer: str) -> str:
    evidence = gather_evidence(task_type="code_generation", user_input=request, answer=answer)
    return evidence.code.source if evidence.code and evidence.tree else ""


@for_each(
    [
        (OPEN, BODY),
        (OPEN, BODY.strip()),
        (OPEN, "if x > top:\n    return top\nreturn x"),
        (OPEN, f"Here it is:\n\n```python\n{BODY}\n```"),
        (f"Complete it:\n\n{OPEN}", BODY),
        (f"def other(x):\n    return x\n\n\n{OPEN}", BODY),
        (METHOD, BODY),
        (METHOD, f"    {BODY}".replace("\n", "\n    ")),
        (OPEN, f"{BODY}\n\n\nprint(clamp(1, 2))"),
    ]
)
def test_a_body_is_joined_to_the_signature_left_open(row: tuple[str, str]) -> None:
    source = source_of(*row)
    call = "Solution().clamp" if "Solution" in source else "clamp"
    scope: dict[str, object] = {}
    exec(source, scope)
    assert eval(f"[{call}(5, 3), {call}(2, 3)]", scope) == [3, 2]


@for_each(
    [
        ("Write a function clamp(x, top).", BODY),
        (OPEN.replace('    """', '    return 1\n    """'), BODY),
        (OPEN, "I can't help with that."),
        (OPEN, ""),
    ]
)
def test_no_other_text_becomes_a_program(row: tuple[str, str]) -> None:
    assert source_of(*row) == ""


def test_a_whole_answer_stays_as_it_is() -> None:
    answer = f"{OPEN}    return min(x, top)\n"
    assert source_of(OPEN, answer) == answer
