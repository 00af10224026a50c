import pytest
from support.guide_blocks import GuideError, find_missing_line, parse_guide

DOCUMENT = """
# Guide

## Phase 1

```bash
not run
```

<!-- run: docker -->
```bash
echo one
# not a heading
echo two
```

Then this appears:

<!-- expect -->
```text
one

two
```

### Phase 2
<!-- run: local -->
```bash
selfheal status
```
"""


def test_marked_blocks_are_found_with_what_they_promise() -> None:
    first, second = parse_guide(DOCUMENT)
    assert (first.kind, first.heading, first.line) == ("docker", "Phase 1", 11)
    assert first.script == "echo one\n# not a heading\necho two\n"
    assert first.expected == ("one", "two")
    assert (second.kind, second.heading, second.expected) == ("local", "Phase 2", ())


@pytest.mark.parametrize(
    "wrong",
    [
        "<!-- run: docker -->\ntext\n```bash\nx\n```\n",
        "<!-- run: docker -->\n<!-- expect -->\n```text\nx\n```\n",
        "<!-- expect -->\n```text\nx\n```\n",
        "<!-- run: docker -->\n",
        "<!-- run: docker -->\n```bash\nx\n",
    ],
)
def test_a_marker_that_fits_no_block_is_an_error(wrong: str) -> None:
    with pytest.raises(GuideError):
        parse_guide(wrong)


@pytest.mark.parametrize(
    ("expected", "output", "missing"),
    [
        (("one", "three"), "one\ntwo\nthree\n", None),
        (("three", "one"), "one\ntwo\nthree\n", "one"),
        (("one", "one"), "one\ntwo\n", "one"),
        (("Score=0.…, Passed=False",), "Score=0.35, Passed=False", None),
        (("Score=0.…, Passed=False",), "Score=0.35, Passed=True", "Score=0.…, Passed=False"),
        (("…prompt_patched…",), '{"event": "prompt_patched"}', None),
        (("one",), "one and more", "one"),
        (("a.c",), "abc", "a.c"),
        (("indented",), "   indented  ", None),
        ((), "", None),
    ],
)
def test_expected_lines_are_looked_for_in_order(
    expected: tuple[str, ...], output: str, missing: str | None
) -> None:
    assert find_missing_line(expected, output) == missing
