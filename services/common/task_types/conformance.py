"""Checks data against a JSON schema that a stranger wrote: no fetching, and bounded work."""

import json
import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any

from jsonschema import FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, extend, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

MAX_WORK = 30_000
MAX_DEPTH = 32
MAX_SCHEMA_VALUES = 1_000
MAX_PATTERN_CHARACTERS = 200
MAX_MATCHED_CHARACTERS = 128
FORMATS = ("date", "time", "email", "ipv4", "ipv6", "uuid")
REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
# They would have patterns matched, or schemas walked, behind the back of what bounds the work.
UNCHECKED = frozenset(
    "$dynamicRef $recursiveRef patternProperties unevaluatedItems unevaluatedProperties".split()
)
# Plain sequences: letters, escapes and classes with at most two quantifiers that leave a choice;
# no groups and no alternatives.
ATOM = r"(?:\\[dwsDWS.\-/+()\[\]{}$^*?|\\]|\[(?:\\.|[^\]\\])+\]|[^\\\[\](){}*+?|^$])"
FIXED = rf"(?:{ATOM}(?:\{{\d{{1,3}}\}})?)*"
QUICK = re.compile(rf"\^?{FIXED}(?:{ATOM}(?:[*+?]|\{{\d{{1,3}},\d{{0,3}}\}}){FIXED}){{0,2}}\$?")

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


class UncheckableSchemaError(ValueError):
    """The schema can't be checked against; the message says why."""


_work_left = ContextVar("work_left", default=MAX_WORK)


def find_violation(schema: dict[str, Any], value: object) -> str | None:
    """Say where and how data break a schema; None where they conform.

    `pattern` is checked where it is a plain sequence that can't be slow; other patterns hold.

    Raises:
        UncheckableSchemaError: If the schema is invalid, refers elsewhere or takes too long.
    """
    validator_class, checked = _prepare(json.dumps(schema, sort_keys=True))
    validator = validator_class(checked, registry=Registry(), format_checker=FormatChecker(FORMATS))
    token = _work_left.set(MAX_WORK)
    try:
        error = best_match(validator.iter_errors(value))  # type: ignore[arg-type]
    except Unresolvable as problem:
        raise UncheckableSchemaError("it refers to what isn't there") from problem
    except RecursionError as problem:
        raise UncheckableSchemaError("it refers to itself without end") from problem
    except ArithmeticError as problem:
        raise UncheckableSchemaError("its numbers are too large") from problem
    finally:
        _work_left.reset(token)
    return f"{error.json_path}: {error.message}" if error else None


@lru_cache(maxsize=64)
def _prepare(schema_text: str) -> tuple[type[Validator], dict[str, Any]]:
    """Return the validator of a schema's dialect, and the schema without its dialect's name."""
    schema = json.loads(schema_text)
    dialect = validator_for(schema, default=Draft202012Validator)
    # A dialect named within would bring the library's own keywords back.
    schema.pop("$schema", None)
    for node in walk_objects(schema):
        if "$schema" in node:
            raise UncheckableSchemaError("it names a dialect within")
        if not UNCHECKED.isdisjoint(node):
            raise UncheckableSchemaError(f"{min(UNCHECKED & node.keys())} isn't checked here")
        for keyword in REFERENCES & node.keys():
            target = node[keyword]
            if isinstance(target, str) and not target.startswith("#"):
                raise UncheckableSchemaError("it refers to another document")
    try:
        dialect.check_schema(schema, format_checker=FormatChecker(()))  # type: ignore[call-arg]  # stubs lag
    except (SchemaError, RecursionError) as error:
        reason = error.message if isinstance(error, SchemaError) else "nested too deeply"
        raise UncheckableSchemaError(f"it is no valid schema: {reason}") from error
    return _bounded(dialect), schema


def _spend(units: int) -> None:
    left = _work_left.get() - units
    if left < 0:
        raise UncheckableSchemaError("checking it would take too long")
    _work_left.set(left)


@cache
def _bounded(dialect: type[Validator]) -> type[Validator]:
    own: dict[str, Keyword] = {"uniqueItems": _unique_items, "pattern": _pattern}
    keywords: dict[str, Keyword] = {**dialect.VALIDATORS, **own}
    bounded: type[Validator] = extend(  # type: ignore[no-untyped-call]
        dialect, {name: _counted(check) for name, check in keywords.items()}
    )
    return bounded


def _counted(check: Keyword) -> Keyword:
    def count_and_check(
        validator: Any, wanted: Any, instance: Any, schema: Any
    ) -> Iterator[ValidationError]:
        sizes = [len(part) for part in (wanted, instance) if isinstance(part, dict | list)]
        _spend(1 + sum(sizes))
        yield from check(validator, wanted, instance, schema) or ()

    return count_and_check


def _unique_items(
    _validator: Any, wanted: Any, instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    """Check `uniqueItems` in linear time; the library compares each item with each."""
    if wanted and isinstance(instance, list):
        distinct = {json.dumps(item, sort_keys=True) for item in instance}
        if len(distinct) < len(instance):
            yield ValidationError("an item is there twice")


def _pattern(
    _validator: Any, wanted: Any, instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if not isinstance(instance, str) or not is_quick(wanted):
        return
    if len(instance) > MAX_MATCHED_CHARACTERS:
        return
    # Two quantifiers and any place to start from take the cube of the length at worst.
    _spend(len(instance) ** 2 // 16)
    if not re.search(wanted, instance):
        yield ValidationError(f"{instance!r} does not match {wanted!r}")


@lru_cache(maxsize=256)
def is_quick(pattern: str) -> bool:
    """Tell whether a pattern matches in small, bounded time on a text of bounded length."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        return False
    try:
        return bool(QUICK.fullmatch(pattern) and re.compile(pattern))
    except (re.error, OverflowError):
        return False


def walk_objects(schema: object) -> Iterator[dict[str, Any]]:
    """Yield every object in a schema."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def require_bounds(value: object, most: int) -> None:
    """Refuse a value so deep or so large that checking it would take long.

    Raises:
        ValueError: If it is.
    """
    level, count = [value], 1
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        count += len(level)
        if count > most:
            raise ValueError(f"the JSON has more than {most} values")
        if not level:
            return
    raise ValueError("the JSON is nested too deeply")
