"""What docs/deploy.md has somebody ask is something that a good prompt can answer."""

import re
from pathlib import Path

from simulated_model.knowledge import find_task

PAGE = (Path(__file__).parents[3] / "docs" / "deploy.md").read_text(encoding="utf-8")


def test_the_simulated_model_knows_what_the_page_has_it_asked() -> None:
    (loop,) = re.findall(r"for what in (.*?); do", PAGE, re.DOTALL)
    tasks = re.findall(r'"(.*?)"', loop)
    assert len(tasks) == 8
    unknown = [what for what in tasks if find_task(f"Write a function that {what}") is None]
    assert unknown == []
