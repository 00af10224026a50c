"""What differs between two states of a row."""

from support.rows import for_each

from services.console.app.queries.settings import list_differences


@for_each(
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, [("b", 2, 3)]),
        (None, {"a": 1}, [("a", None, 1)]),
        ({"a": 1}, None, [("a", 1, None)]),
        ({"a": 1}, {"a": 1}, []),
        ({"old": 1}, {"new": 1}, [("old", 1, None), ("new", None, 1)]),
        (None, None, []),
        ("text", ["list"], []),
    ]
)
def test_only_what_differs_is_listed(row: tuple[object, object, list[object]]) -> None:
    before, after, differences = row
    assert list_differences(before, after) == differences
