"""One solution in the forms that models give it in: a right one passes, a wrong one fails."""

from collections.abc import AsyncIterator
from textwrap import indent

import pytest
import pytest_asyncio
from support.rows import for_each

from services.common.errors import NotJudgeableError
from services.common.schemas import EvaluationRequest
from services.evaluator.app.sandbox import create_sandbox
from services.evaluator.app.services.evaluation import Evaluation
from services.evaluator.app.services.judging.judge import RubricJudge

pytestmark = pytest.mark.asyncio(loop_scope="module")

REQUEST = (
    "Write a function add_tax(price, rate) that returns the price with tax added, rounded to two "
    "decimals. For example, add_tax(100, 0.2) should return 120.0"
)
RIGHT = '''def add_tax(price, rate):
    """Return the price with tax added, rounded to two decimals."""
    return round(price * (1 + rate), 2)'''
WRONG = RIGHT.replace("(1 + rate)", "rate")
FENCED = "```python\nCODE\n```"
DRAFTED = "```python\nDRAFT\n```"

# CODE is the solution, DRAFT one of the other truth; LIST, DEEP and QUOTE are CODE moved in.
MARKDOWN = {
    "in-a-numbered-list": "Here's how:\n\n1. Define it:\n\n   ```python\nLIST\n   ```\n\n2. Call it.",
    "in-a-bullet-list": "- Define it:\n   ```python\nLIST\n   ```\n- Call it.",
    "too-deep-for-its-list": "1. Define it:\n\n        ```python\n        x = 1\n        ```\n\n" + FENCED,
    "indented-by-four": "So:\n\n    ```python\nDEEP\n    ```\n",
    "in-a-quote": "> Sure:\n>\n> ```python\nQUOTE\n> ```",
    "tildes": "~~~python\nCODE\n~~~",
    "five-backticks": "`````python\nCODE\n`````",
    "tool_code": "```tool_code\nCODE\n```",
    "code": "```code\nCODE\n```",
    "text": "```text\nCODE\n```",
    "python3.11": "```python3.11\nCODE\n```",
    "python-3": "```Python 3\nCODE\n```",
    "file-name": "```app.py\nCODE\n```",
    "attributes": "``` {.python .numberLines}\nCODE\n```",
    "title": '```python title="x"\nCODE\n```',
    "unheard-of-tag": "```mojo\nCODE\n```",
    "on-the-fence-line": "```CODE\n```",
    "tag-and-code-on-the-fence-line": "```python CODE\n```",
    "fence-behind-the-last-line": "```python\nCODE```\nThat's it.\n\n```\nadd_tax(100, 0.2)\n```",
    "fence-behind-prose": "Here you are: ```python\nCODE\n```",
    "fence-in-the-docstring": "```python\ndef note():\n    \"\"\"Do.\n\n    ```\n    note()\n    ```\n    \"\"\"\n\nCODE\n```",
    "fence-in-a-shallow-docstring": "```python\n\"\"\"Do.\n\n```python\nadd_tax(1, 2)\n```\n\"\"\"\nCODE\n```",
    "markdown-around-all": "```markdown\n# Solution\n\n" + FENCED + "\n\nDone.\n```",
    "bare-fence-around-all": "```\nSolution:\n" + FENCED + "\n\nDone.\n```",
    "four-backticks-around-all": "````md\nSolution:\n\n" + FENCED + "\n\nDone.\n````",
    "left-open": "```python\nCODE\n",
    "byte-order-mark": "\ufeff" + FENCED,
    "bare-with-byte-order-mark": "\ufeffCODE",
    "bare": "CODE",
    "bare-amid-prose": "Sure:\n\nCODE\n\nThat is all!",
    "indented-amid-prose": "Sure:\n\nDEEP\n\nThat is all!",
}  # fmt: skip
BLOCKS = {
    "corrected": f"First attempt:\n{DRAFTED}\nIt forgets the price. Better:\n{FENCED}",
    "corrected-with-another-helper": f"```python\ndef keep(x):\n    return x\n```\n{DRAFTED}\nNo:\n{FENCED}",
    "draft-that-fails-to-load": "```python\nDRAFT\n\nassert add_tax(1, 1) == 77\n```\nBetter:\n" + FENCED,
    "use-in-a-second-block": FENCED + "\n```python\nprint(add_tax(100, 0.2))\n```",
    "use-in-a-first-block": "```python\nprint(add_tax(100, 0.2))\n```\n" + FENCED,
    "own-test-that-is-wrong": FENCED + "\n```python\nassert add_tax(1, 1) == 77\n```",
    "pytest-in-a-second-block": FENCED
    + "\n```python\nimport pytest\nfrom solution import add_tax\n\ndef test_tax():\n    assert add_tax(1, 1) == 2\n```",
    "unittest-in-a-second-block": FENCED
    + "\n```python\nimport unittest\n\nclass TestTax(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(add_tax(1, 1), 77)\n\nunittest.main()\n```",
    "shell-lines": "```bash\npip install nothing\n```\n" + FENCED + "\n```\n$ python app.py\n```",
    "expected-output": FENCED + "\nOutput:\n```\n120.0\n```",
    "session": FENCED + "\n```python\n>>> add_tax(100, 0.2)\n120.0\n```",
    "session-in-the-block": "```python\nCODE\n\n>>> add_tax(100, 0.2)\n120.0\n```",
    "skeleton-first": "```python\ndef add_tax(price, rate):\n    ...\n```\n" + FENCED,
    "skeleton-last": FENCED + "\n```python\ndef add_tax(price, rate):\n    pass\n```",
    "a-main-that-reads": FENCED
    + '\n```python\ndef main():\n    print(add_tax(float(input()), 0.2))\n\nmain()\n```',
    "a-main-that-shows": FENCED + "\n```python\ndef main():\n    print(add_tax(1, 2))\n\nmain()\n```",
    "a-diff": FENCED + "\n```diff\n-def add_tax(price, rate):\n+def add_tax(price, rate=0.2):\n```",
    "python-2": FENCED + "\n```python\ndef add_tax(price, rate):\n    print price * rate\n```",
    "javascript": FENCED + "\n```javascript\nconst addTax = (p, r) => p * r;\n```",
    "magics": "```python\n%load_ext autoreload\nCODE\n\n%timeit add_tax(1, 2)\n!pip install x\n```",
    "unused-import-that-is-not-here": "```python\nimport numpy as np\n```\n" + FENCED,
    "another-name": FENCED + "\nOr:\n```python\ndef add_tax_2(price, rate):\n    return price + price * rate\n```",
    "constant-in-a-block-of-its-own": "```python\nDIGITS = 2\n```\n"
    + FENCED.replace("CODE", "CODE_DIGITS"),
    "import-in-a-block-of-its-own": "```python\nfrom decimal import Decimal\nimport math\n```\n" + FENCED.replace("CODE", "CODE_MATH"),
    "helper-in-a-block-of-its-own": "```python\ndef times(a, b):\n    return a * b\n```\n" + FENCED.replace("CODE", "CODE_TIMES"),
    "helper-last": FENCED.replace("CODE", "CODE_TIMES") + "\n```python\ndef times(a, b):\n    return a * b\n```",
    "base-class-in-a-block-of-its-own": "```python\nclass Base:\n    digits = 2\n```\n```python\nclass Tax(Base):\n    pass\n```\n" + FENCED.replace("CODE", "CODE_TAX"),
    "import-kept-from-a-draft": "```python\nimport math\n\nDRAFT\n```\nBetter:\n" + FENCED.replace("CODE", "CODE_MATH"),
}  # fmt: skip
REASONING = {
    "think": f"<think>\n{DRAFTED}\nHm.\n</think>\n\n{FENCED}",
    "thinking-in-capitals": f"<THINKING>\n{DRAFTED}\n</THINKING>\n{FENCED}",
    "reasoning": f"<reasoning>DRAFT</reasoning>\n{FENCED}",
    "draft-left-open": f"<think>\n```python\nDRAFT\n</think>\n{FENCED}",
    "closing-tag-alone": f"Hm.\n{DRAFTED}\n</think>\n{FENCED}",
    "bare-answer": "<think>DRAFT</think>\nCODE",
    "channels": f"<|channel|>analysis<|message|>{DRAFTED}<|end|><|start|>assistant<|channel|>final<|message|>\n{FENCED}<|return|>",
    "mistral": f"[THINK]{DRAFTED}[/THINK]{FENCED}</s>",
    "cohere": f"<|START_THINKING|>{DRAFTED}<|END_THINKING|><|START_RESPONSE|>{FENCED}<|END_RESPONSE|>",
    "answer-tags": f"{DRAFTED}\n<answer>\n{FENCED}\n</answer>",
    "reflection-behind": f"{FENCED}\n<reflection>\n{DRAFTED}\n</reflection>",
    "turn-goes-on": f"{FENCED}<|im_end|>\n<|im_start|>user\n{DRAFTED}",
}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def rubric() -> AsyncIterator[Evaluation]:
    evaluation = Evaluation(RubricJudge(), sandbox=create_sandbox("auto", slots=2))
    await evaluation.start()
    if not evaluation.availability.is_available:
        pytest.skip(f"no sandbox here: {evaluation.availability.problem}")
    yield evaluation
    await evaluation.close()


def fill(template: str, code: str, draft: str) -> str:
    """Put a solution and a draft into a template."""
    forms = {
        "CODE_DIGITS": code.replace(", 2)", ", DIGITS)"),
        "CODE_MATH": code.replace("price *", "math.floor(1) * price *"),
        "CODE_TIMES": code.replace("price * (1 + rate)", "times(price, 1 + rate)").replace(
            "price * rate", "times(price, rate)"
        ),
        "CODE_TAX": code.replace(", 2)", ", Tax().digits)"),
        "CODE": code,
        "DRAFT": draft,
        "LIST": indent(code, " " * 3),
        "DEEP": indent(code, " " * 4),
        "QUOTE": indent(code, "> "),
    }
    for name, text in forms.items():
        template = template.replace(name, text)
    return template


async def passes(rubric: Evaluation, answer: str, request: str = REQUEST) -> bool | str:
    asked = EvaluationRequest.model_validate(
        {
            "request_id": "5f1c2a8e-5a5e-4b0e-9d0e-1f2a3b4c5d6e",
            "task_type": "code_generation",
            "user_input": request,
            "refined_input": request,
            "worker_output": answer,
        }
    )
    try:
        verdict, _ = await rubric.evaluate(asked)
    except NotJudgeableError:
        return "unscored"
    return verdict.passed


@pytest.mark.parametrize(
    "kind", [MARKDOWN, BLOCKS, REASONING], ids=["markdown", "blocks", "reasoning"]
)
async def test_a_form_changes_no_verdict(kind: dict[str, str], rubric: Evaluation) -> None:
    told = {
        name: (
            await passes(rubric, fill(template, RIGHT, WRONG)),
            await passes(rubric, fill(template, WRONG, RIGHT)),
        )
        for name, template in kind.items()
    }
    assert {name: verdicts for name, verdicts in told.items() if verdicts != (True, False)} == {}
    windows = {
        name: await passes(rubric, fill(template, RIGHT, WRONG).replace("\n", "\r\n"))
        for name, template in kind.items()
    }
    assert {name: verdict for name, verdict in windows.items() if not verdict} == {}
