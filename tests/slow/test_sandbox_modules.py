"""Answers that import numpy and pandas: what they find, what comes back, what it costs them."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.evaluator.app.sandbox import Built, Items, JailSandbox, Opaque

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

MODULES = ("numpy", "pandas")
IMPORTS = "import numpy as np\nimport pandas as pd\nimport io\n"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def sandbox() -> AsyncIterator[JailSandbox]:
    jail = JailSandbox(slots=2, modules=MODULES)
    try:
        availability = await jail.start()
        if "can't be imported" in availability.problem or availability.is_available:
            assert availability.modules == MODULES, availability.problem
        else:
            pytest.skip(f"no sandbox on this machine: {availability.problem}")
        yield jail
    finally:
        await jail.close()


VALUES = [
    ("np.int64(3)", 3),
    ("np.float64(2.5)", 2.5),
    ("np.float32(0.5)", 0.5),
    ("np.bool_(True)", True),
    ("np.str_('a')", "a"),
    ("[np.int8(1), (np.uint8(2),)]", [1, (2,)]),
    ("{np.int64(1): np.float32(2)}", {1: 2.0}),
    ("np.datetime64('2024-01-05')", Built("date", (2024, 1, 5))),
    ("np.longdouble(1)", Opaque("longdouble")),
    ("np.array([1, 2])", Items("ndarray", (1, 2))),
    ("np.eye(2)", Items("ndarray", ([1.0, 0.0], [0.0, 1.0]))),
    ("np.array(5)", 5),
    ("np.array([])", Items("ndarray", ())),
    ("np.zeros(10**6)", Opaque("ndarray")),
    ("pd.Series([1, 2])", Items("Series", (1, 2))),
    ("pd.Index(['a'])", Items("Index", ("a",))),
    ("pd.RangeIndex(2)", Items("Index", (0, 1))),
    ("pd.Timestamp('2024-01-05')", Built("datetime", (2024, 1, 5, 0, 0, 0, 0))),
    ("pd.Timedelta(hours=1)", Built("timedelta", (0, 3600, 0))),
    ("pd.DataFrame({'a': [1], 'b': ['x']})", Built("DataFrame", ({"a": [1], "b": ["x"]},))),
    ("pd.DataFrame(np.zeros((300, 300)))", Opaque("DataFrame")),
    ("type('A', (np.ndarray,), {})(2)", Opaque("A")),
]


async def test_arrays_and_tables_come_back_as_values(sandbox: JailSandbox) -> None:
    execution = await sandbox.run(IMPORTS, [step for step, _ in VALUES])
    assert execution.status == "finished"
    for (step, value), result in zip(VALUES, execution.steps, strict=True):
        assert (step, result.value) == (step, value)


WORK = [
    ("np.linalg.inv(np.eye(2)).tolist()", [[1.0, 0.0], [0.0, 1.0]]),
    ("int(np.ones((300, 300)).dot(np.ones((300, 300))).sum())", 27_000_000),
    ("pd.DataFrame({'k': list('aba'), 'n': [1, 2, 3]}).groupby('k').n.sum().to_dict()",
     {"a": 4, "b": 2}),
    ("pd.DataFrame({'a': [1]}).to_csv()", ",a\n0,1\n"),
    ("repr(pd.DataFrame({'a': [1]}))", "   a\n0  1"),
    ("pd.read_csv(io.StringIO('a,b\\n1,2')).to_dict('records')", [{"a": 1, "b": 2}]),
    ("pd.DataFrame({'a': [2, 1]}).sort_values('a').merge(pd.DataFrame({'a': [1]})).a.tolist()",
     [1]),
    ("pd.date_range('2024-01-01', periods=3).day.tolist()", [1, 2, 3]),
    ("np.random.default_rng(0).integers(5, size=3).tolist()", [4, 3, 2]),
    ("pd.DataFrame({'a': [1, 3]}).describe().loc['mean', 'a']", 2.0),
]  # fmt: skip


async def test_they_work_with_no_file_in_reach(sandbox: JailSandbox) -> None:
    execution = await sandbox.run(IMPORTS, [step for step, _ in WORK])
    for (step, value), result in zip(WORK, execution.steps, strict=True):
        assert (step, result.outcome, result.value) == (step, "returned", value), result


async def test_what_is_not_named_is_still_not_there(sandbox: JailSandbox) -> None:
    for module in ("structlog", "pydantic", "services.common", "pip"):
        assert (await sandbox.run(f"import {module}", [])).status == "inconclusive"


async def test_memory_is_limited_beside_what_the_modules_take(sandbox: JailSandbox) -> None:
    # Asked for, and not written to: that would take longer than a busy machine allows.
    fits = await sandbox.run(IMPORTS, ["np.empty(15_000_000).size", "np.empty(40_000_000).size"])
    assert [step.error for step in fits.steps] == ["", "MemoryError"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [("no_such_module", "can't be imported"), ("pandas.nothing", "can't be imported")],
)
async def test_a_name_that_cannot_serve_is_told_at_the_start(name: str, problem: str) -> None:
    jail = JailSandbox(slots=1, modules=(name,))
    try:
        availability = await jail.start()
    finally:
        await jail.close()
    assert not availability.is_available
    assert name in availability.problem
    assert problem in availability.problem
    assert "pip install" in availability.problem
