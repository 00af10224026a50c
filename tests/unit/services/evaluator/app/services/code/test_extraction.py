"""Which part of an answer is its code."""

import ast
import json
from textwrap import indent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from services.evaluator.app.services.code.extraction import extract_code

DOUBLE = "def double(x):\n    return 2 * x\n"
USE = "print(double(2))\n"
SCRIPT = "function double(x) { return 2 * x; }\n"


@pytest.mark.parametrize(
    ("answer", "source", "language"),
    [
        pytest.param(f"```python\n{DOUBLE}```", DOUBLE, "python", id="fenced"),
        pytest.param(f"```Py\n{DOUBLE}```", DOUBLE, "python", id="short-tag-in-capitals"),
        pytest.param(f"``` python\n{DOUBLE}```", DOUBLE, "python", id="space-before-the-tag"),
        pytest.param(f"```\n{DOUBLE}```", DOUBLE, "python", id="untagged"),
        pytest.param(f"~~~python\n{DOUBLE}~~~", DOUBLE, "python", id="tildes"),
        pytest.param(f"````python\n{DOUBLE}````", DOUBLE, "python", id="four-backticks"),
        pytest.param(
            f"  ```python\n{indent(DOUBLE, '  ')}  ```", DOUBLE, "python", id="indented-fences"
        ),
        pytest.param(f"Look:\n```python\n{DOUBLE}", DOUBLE, "python", id="unclosed"),
        pytest.param(f"Look:\n```python\n{DOUBLE}```\nDone.", DOUBLE, "python", id="prose-around"),
        pytest.param(
            f"```python\r\n{DOUBLE}```\r\n", DOUBLE, "python", id="fences-with-windows-line-ends"
        ),
        pytest.param(
            f"```python\n{USE}```\n```python\n{DOUBLE}```", DOUBLE, "python", id="definition-second"
        ),
        pytest.param(
            f"```python\n{DOUBLE}```\n```python\n{DOUBLE.upper()}```",
            DOUBLE,
            "python",
            id="first-that-parses",
        ),
        pytest.param(
            f"```python\n{DOUBLE}```\n```python\ndef double(x): ...\n```",
            DOUBLE,
            "python",
            id="written-out-before-a-skeleton",
        ),
        pytest.param(
            f"```bash\npip install\n```\n```python\n{DOUBLE}```", DOUBLE, "python", id="shell-first"
        ),
        pytest.param(f"```javascript\n{SCRIPT}```", SCRIPT, "javascript", id="another-language"),
        pytest.param(f"```c++\n{SCRIPT}```", SCRIPT, "c++", id="a-tag-with-signs"),
        pytest.param(f"\n\n```\n\n```\n```python\n{USE}```", USE, "python", id="empty-block-first"),
        pytest.param(
            f"~~~python\n{DOUBLE}# ```\n~~~", f"{DOUBLE}# ```\n", "python", id="other-fence-inside"
        ),
        pytest.param(DOUBLE, DOUBLE, "python", id="bare-code"),
        pytest.param("x = [1, 2]", "x = [1, 2]", "python", id="bare-statement"),
        pytest.param("print('hi')", "print('hi')", "python", id="bare-call"),
        pytest.param(f"Sure, here:\n\n{DOUBLE}", DOUBLE, "python", id="prose-before-bare-code"),
        pytest.param(
            f"Sure, here:\n\n{DOUBLE}\nThat is all!",
            DOUBLE,
            "python",
            id="prose-around-bare-code",
        ),
        pytest.param(
            "@cache\ndef one():\n    return 1\n",
            "@cache\ndef one():\n    return 1\n",
            "python",
            id="bare-decorator",
        ),
    ],
)
def test_code_is_found(answer: str, source: str, language: str) -> None:
    code = extract_code(answer)
    assert code is not None
    assert (code.source, code.language) == (source, language)
    assert (code.tree is not None) == (language == "python")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("", id="empty"),
        pytest.param(" \n\t", id="blank"),
        pytest.param("Hello World", id="words"),
        pytest.param("Hello", id="a-word-that-parses"),
        pytest.param('"just a string"', id="a-string-that-parses"),
        pytest.param("1 + 1", id="an-expression"),
        pytest.param("You could define a function that returns the double.", id="prose-about-code"),
        pytest.param(json.dumps({"code": DOUBLE}), id="wrapped-in-json"),
        pytest.param("```\n\n```", id="empty-block"),
        pytest.param("이진 탐색은 정렬된 목록에서 값을 찾습니다.", id="korean-prose"),
        pytest.param("\x00", id="nul"),
    ],
)
def test_no_code_is_found(answer: str) -> None:
    assert extract_code(answer) is None


def test_another_language_says_so() -> None:
    code = extract_code(f"```javascript\n{SCRIPT}```")
    assert code is not None
    assert code.problem == "it is javascript, not Python"
    assert not code.is_python


def test_broken_code_is_found_with_the_reason() -> None:
    code = extract_code("```python\ndef f(:\n```")
    assert code is not None
    assert code.tree is None
    assert code.is_python
    assert code.problem.startswith("line 1: ")


def test_the_longest_block_is_taken_where_none_parses() -> None:
    code = extract_code("```python\na b\n```\n```python\na b c d\n```")
    assert code is not None
    assert code.source == "a b c d\n"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("`" * 200_000, id="backticks"),
        pytest.param("~" * 200_000, id="tildes"),
        pytest.param("```\n" * 50_000, id="fences"),
        pytest.param("def f(\n\n" * 20_000, id="paragraphs-of-broken-code"),
        pytest.param("@a\n" * 60_000, id="decorators"),
        pytest.param("\n" * 200_000, id="line-ends"),
        pytest.param("import a\n\n" + "x \n\n" * 40_000, id="code-then-prose"),
    ],
)
def test_hostile_text_is_read_to_an_end(answer: str) -> None:
    extract_code(answer)


PIECES = st.one_of(
    st.sampled_from(
        ["```", "```python\n", "~~~\n", "\n", "\n\n", "\x00", "\ud800", "\x0c", "\u2028"]
    ),
    st.sampled_from(
        ["def f(x):\n", "    return x\n", "x = 1\n", "class A:\n", "{", "(", '"', "가"]
    ),
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_any_text_is_read_without_an_error(answer: str) -> None:
    code = extract_code(answer)
    if code is not None:
        assert code.source.strip()
        assert (code.tree is None) == bool(code.problem)


def test_a_skeleton_before_the_code_is_not_taken_for_it() -> None:
    answer = (
        "First the outline:\n```python\ndef add(a, b):\n    pass\n```\n"
        "Then the whole:\n```python\ndef add(a, b):\n    return a + b\n```\n"
    )

    code = extract_code(answer)

    assert code is not None
    assert "return a + b" in code.source


IMPORTING = f"import math\n\n\n{DOUBLE}"


@for_each(
    [
        *(
            f"```{info}\n{IMPORTING}```"
            for info in ("python:app.py", "py:a.b", "python: x", "python title=x", "app.py", "x=1")
        ),
        f'<pre><code class="language-python">{IMPORTING}</code></pre>',
        f'<pre lang="py"><code>{IMPORTING}</code></pre>\n',
        f"```python\n>>> double(2)\n4\n```\n\n```python\n{IMPORTING}```",
        f"~~~\n>>> double(2)\n4\n~~~\n\n~~~\n{IMPORTING}~~~",
        f"Answer:\n{IMPORTING}",
        f"**Solution:**\n{IMPORTING}",
        f"Here is my code:\n{IMPORTING}\nThat is all.\n",
        f"{IMPORTING.replace('2 * x', 'x')}\nNo, it is:\n\n{IMPORTING}\nThat is all.\n",
    ]
)
def test_the_code_is_all_that_is_taken(answer: str) -> None:
    code = extract_code(answer, "Write double(x). double(2) gives 4.")
    assert code is not None
    assert code.tree is not None
    assert ast.unparse(code.tree) == ast.unparse(ast.parse(IMPORTING))


def test_entities_of_html_are_read() -> None:
    code = extract_code("<pre><code class='x'>def f(a):\n    return a &lt; 1\n</code></pre>")
    assert code is None or "&lt;" not in code.source
    code = extract_code('<pre><code class="x">def f(a):\n    return a &lt; 1\n</code></pre>')
    assert code is not None
    assert code.source.strip() == "def f(a):\n    return a < 1"


BROKEN = "def double(x):\n    return 2 *\n"


@for_each(
    [BROKEN, "def double(x)\n    return 2 * x\n", "def double(x):\n    y = (x\n    return y\n"]
)
def test_a_last_version_that_does_not_parse_is_the_answer(broken: str) -> None:
    draft, final = f"```python\n{DOUBLE}```\n", f"```python\n{broken}```\n"
    code = extract_code(draft + final)
    assert code is not None
    assert (code.source, code.tree) == (broken, None)
    code = extract_code(draft + final + draft)
    assert code is not None
    assert code.source == DOUBLE


@for_each(
    [
        "def double(x):\n    print 2 * x\n",
        "def double(x):\n    try:\n        return 2 * x\n    except A, e:\n        raise\n",
        "def double(x):\n",
        "    return 2 * x\n",
        "def triple(x)\n    return 3 * x\n",
    ]
)
def test_a_fragment_or_python_2_replaces_nothing(other: str) -> None:
    code = extract_code(f"```python\n{DOUBLE}```\nIn short:\n```python\n{other}```\n")
    assert code is not None
    assert code.source == DOUBLE


@for_each(
    [
        f"[SOLUTION]\n{IMPORTING}[END]\n",
        f"[CODE]\n{IMPORTING}[/CODE]\n",
        f"[code]\n{IMPORTING}[/code]\n[EXAMPLE]\nassert double(1) == 2\n[/EXAMPLE]\n",
        f"Python\nKopieren\n{IMPORTING}",
        f"Here you are.\n\npy\nRun\n{IMPORTING}",
        f"```\npython\nCopy\n{IMPORTING}END\n```",
        f"Here is the function.\n\n{IMPORTING}",
        f"import of math is needed.\n\n{IMPORTING}",
        f"class-free and short:\n{IMPORTING}\nimport it where you need it.\n",
        f"[SOLUTION]\n{IMPORTING}[END]\nThat was the solution.\n",
    ]
)
def test_labels_around_code_are_not_code(answer: str) -> None:
    code = extract_code(answer, "Write double(x).")
    assert code is not None
    assert code.tree is not None
    assert ast.unparse(code.tree) == ast.unparse(ast.parse(IMPORTING))


@for_each(
    [
        'TEXT = """\nCopy\n[END]\n"""\n',
        "x = 1; x\n",
        "def f(x):\n    y\n    return [x]\n",
        "VALUES = [\nint,\n]\nprint(VALUES)\n",
    ]
)
def test_what_only_looks_like_a_label_stays(source: str) -> None:
    for answer in (source, f"```python\n{source}```"):
        code = extract_code(answer)
        assert code is not None
        assert code.source.strip() == source.strip()
