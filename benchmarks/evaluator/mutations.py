"""Makes wrong code out of right code: one change each, of the kinds that programmers make."""

import ast
import copy
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final, TypeAlias, TypeVar

from benchmarks.evaluator.human_eval import find_function

Node = TypeVar("Node", bound=ast.AST)
# Changes a tree in place. It was made for one tree and is applied to a copy of it.
Change: TypeAlias = Callable[[], None]
# Finds all changes of its kind in a function.
Finder: TypeAlias = Callable[[ast.FunctionDef], Iterator[Change]]
# Finds where in a program changes are made.
FindScopes: TypeAlias = Callable[[ast.Module], Iterable[ast.FunctionDef]]

OPERATORS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mod,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
}
COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.GtE,
    ast.GtE: ast.LtE,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
BOUNDARIES: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """Code with one change.

    Attributes:
        kind: What kind of change.
        code: The code.
    """

    kind: str
    code: str


def swap_operator(function: ast.FunctionDef) -> Iterator[Change]:
    """Swap an operator: `+` for `-`, `//` for `%`, `and` for `or`."""
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPERATORS:
            yield _set(node, "op", OPERATORS[type(node.op)]())
        elif isinstance(node, ast.BoolOp):
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield _set(node, "op", other)


def swap_comparison(function: ast.FunctionDef) -> Iterator[Change]:
    """Swap a comparison: `<` for `>`, `==` for `!=`, `in` for `not in`."""
    for node in ast.walk(function):
        if isinstance(node, ast.Compare):
            for index, operator in enumerate(node.ops):
                yield _set_item(node.ops, index, COMPARISONS[type(operator)]())


def miss_by_one(function: ast.FunctionDef) -> Iterator[Change]:
    """Be off by one: `<` for `<=`, or a range, slice or index one too low or too high."""
    for node in ast.walk(function):
        match node:
            case ast.Compare():
                for index, operator in enumerate(node.ops):
                    if type(operator) in BOUNDARIES:
                        yield _set_item(node.ops, index, BOUNDARIES[type(operator)]())
            case ast.Call(func=ast.Name("range")):
                yield from _shift_range(node)
            case ast.Slice():
                for name in ("lower", "upper"):
                    if (bound := getattr(node, name)) is not None:
                        yield _set(node, name, _shifted(bound, 1))
            case ast.Subscript() if _is_index(node.slice):
                yield _set(node, "slice", _shifted(node.slice, -1))


def _shift_range(call: ast.Call) -> Iterator[Change]:
    end = min(1, len(call.args) - 1)
    yield _set_item(call.args, end, _shifted(call.args[end], 1))
    yield _set_item(call.args, end, _shifted(call.args[end], -1))
    if end:
        yield _set_item(call.args, 0, _shifted(call.args[0], 1))


def _is_index(node: ast.expr) -> bool:
    return _is_number(node) or isinstance(node, ast.Name | ast.BinOp)


def break_base_case(function: ast.FunctionDef) -> Iterator[Change]:
    """Change where it starts or stops: a first assignment, a guarded return."""
    guarded = [node for node in function.body if isinstance(node, ast.If)]
    for guard in guarded:
        for statement in guard.body:
            if isinstance(statement, ast.Return) and statement.value is not None:
                for value in _other_values(statement.value):
                    yield _set(statement, "value", value)
    for statement in function.body:
        if isinstance(statement, ast.Assign):
            for value in _other_values(statement.value):
                yield _set(statement, "value", value)


def return_wrong(function: ast.FunctionDef) -> Iterator[Change]:
    """Return another variable, the opposite, or one step too early."""
    names = sorted(_assigned(function) | {argument.arg for argument in function.args.args})
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            for value in _wrong_values(node.value, names):
                yield _set(node, "value", value)


def _wrong_values(value: ast.expr, names: Sequence[str]) -> Iterator[ast.expr]:
    match value:
        case ast.Name():
            for name in names:
                if name != value.id:
                    yield ast.Name(name, ast.Load())
        case ast.Compare() | ast.BoolOp() | ast.Constant(bool()):
            yield ast.UnaryOp(ast.Not(), value)
        case ast.Call(args=[argument]):
            yield argument
        case ast.Tuple(elts=[_, _, *_]):
            yield ast.Tuple(value.elts[::-1], ast.Load())
        case ast.BinOp():
            yield value.left
        case ast.IfExp():
            yield ast.IfExp(value.test, value.orelse, value.body)


def swap_arguments(function: ast.FunctionDef) -> Iterator[Change]:
    """Swap two arguments of a call, two parameters or two operands."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and len(node.args) > 1:
            yield _swap(node.args, 0, 1)
        elif isinstance(node, ast.BinOp) and isinstance(
            node.op, ast.Sub | ast.Div | ast.FloorDiv | ast.Mod | ast.Pow
        ):
            yield _set_both(node, "left", "right")
    if len(function.args.args) > 1 and not function.args.defaults:
        yield _swap(function.args.args, 0, 1)


def miss_edge(function: ast.FunctionDef) -> Iterator[Change]:
    """Remove a guard: an early `if ...: return`, or a `continue`."""
    for node in ast.walk(function):
        body = getattr(node, "body", None)
        if not isinstance(body, list) or len(body) < 2:  # noqa: PLR2004 - something must stay
            continue
        for index, statement in enumerate(body):
            ends = isinstance(statement, ast.If) and isinstance(
                statement.body[-1], ast.Return | ast.Continue | ast.Break | ast.Raise
            )
            if ends and isinstance(statement, ast.If):
                yield _replace(body, index, statement.orelse)


def return_early(function: ast.FunctionDef) -> Iterator[Change]:
    """Leave a loop after its first round: with the last return's value, or by `break`."""
    last = function.body[-1]
    for node in ast.walk(function):
        if isinstance(node, ast.For | ast.While):
            if isinstance(last, ast.Return):
                yield _append(node.body, copy.deepcopy(last))
            yield _append(node.body, ast.Break())


def change_constant(function: ast.FunctionDef) -> Iterator[Change]:
    """Change a constant: another number, a text without its last character, True for False."""
    for node in ast.walk(function):
        if isinstance(node, ast.Constant):
            for value in _other_constants(node.value):
                yield _set(node, "value", value)


KINDS: Final[dict[str, Finder]] = {
    "operator swap": swap_operator,
    "comparison swap": swap_comparison,
    "off by one": miss_by_one,
    "wrong base case": break_base_case,
    "wrong return": return_wrong,
    "swapped arguments": swap_arguments,
    "missing edge": miss_edge,
    "early return": return_early,
    "constant change": change_constant,
}


def mutate(code: str, entry_point: str, kind: str, *, seed: str) -> Sequence[Mutant]:
    """Make all mutants of one kind, each valid and different, in an order that the seed decides."""
    return _mutate(code, kind, lambda tree: [find_function(tree, entry_point)], seed=seed)


def mutate_anywhere(code: str, kind: str, *, seed: str) -> Sequence[Mutant]:
    """Make the mutants of one kind in every function and method, and in what stands outside."""
    return _mutate(code, kind, _find_scopes, seed=seed)


def _mutate(code: str, kind: str, find: FindScopes, *, seed: str) -> Sequence[Mutant]:
    count = sum(1 for _ in _find_changes(ast.parse(code), kind, find))
    numbers = list(range(count))
    random.Random(f"{seed}/{kind}").shuffle(numbers)
    mutants = (_mutate_at(code, kind, find, number) for number in numbers)
    # Nested scopes find some changes twice.
    return list(dict.fromkeys(mutant for mutant in mutants if mutant is not None))


def _mutate_at(code: str, kind: str, find: FindScopes, number: int) -> Mutant | None:
    """Apply one change to a fresh tree; None where it comes to the same or to nothing valid."""
    tree = ast.parse(code)
    unchanged = ast.unparse(tree) + "\n"
    next(islice(_find_changes(tree, kind, find), number, None))()
    changed = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    try:
        compile(changed, "<mutant>", "exec", dont_inherit=True)
    except SyntaxError:
        return None
    return Mutant(kind, changed) if changed != unchanged else None


def _find_changes(tree: ast.Module, kind: str, find: FindScopes) -> Iterator[Change]:
    return chain.from_iterable(map(KINDS[kind], find(tree)))


def _find_scopes(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """List every function, and the module as if it were one."""
    # The statements are the module's own, so that a change to them is a change to it.
    nothing = ast.arguments([], [], None, [], [], None, [])
    yield ast.FunctionDef("", nothing, tree.body, [])
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _set(node: ast.AST, name: str, value: object) -> Change:
    return lambda: setattr(node, name, value)


def _set_item(items: list[Node], index: int, value: Node) -> Change:
    return lambda: items.__setitem__(index, value)


def _set_both(node: ast.AST, first: str, second: str) -> Change:
    def change() -> None:
        one, other = getattr(node, first), getattr(node, second)
        setattr(node, first, other)
        setattr(node, second, one)

    return change


def _swap(items: list[Node], first: int, second: int) -> Change:
    def change() -> None:
        items[first], items[second] = items[second], items[first]

    return change


def _replace(body: list[ast.stmt], index: int, statements: list[ast.stmt]) -> Change:
    return lambda: body.__setitem__(slice(index, index + 1), statements)


def _append(body: list[ast.stmt], statement: ast.stmt) -> Change:
    return lambda: body.append(statement)


def _shifted(node: ast.expr, by: int) -> ast.expr:
    """Add or subtract one from an expression; fold it where it is a number."""
    if _is_number(node):
        return ast.Constant(ast.literal_eval(node) + by)
    operator = ast.Add() if by > 0 else ast.Sub()
    return ast.BinOp(node, operator, ast.Constant(abs(by)))


def _is_number(node: ast.expr) -> bool:
    try:
        return type(ast.literal_eval(node)) in (int, float)
    except ValueError:
        return False


def _assigned(function: ast.FunctionDef) -> set[str]:
    """Collect the names that a function's own statements assign."""
    return {
        target.id
        for statement in function.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def _other_values(node: ast.expr) -> Iterator[ast.expr]:
    """List other values for a constant or an empty collection that something starts with."""
    if isinstance(node, ast.Constant):
        for value in _other_constants(node.value):
            yield ast.Constant(value)
    elif isinstance(node, ast.List) and not node.elts:
        yield ast.List([ast.Constant(0)], ast.Load())
    elif isinstance(node, ast.List):
        yield ast.List(node.elts[1:], ast.Load())


def _other_constants(value: object) -> Iterator[bool | int | float | str]:
    match value:
        case bool():
            yield not value
        case int() | float():
            yield value + 1
            if value > 1:
                yield value - 1
        case str() if len(value) > 1:
            yield value[:-1]
            yield value.upper() if value.islower() else value.lower()
        case str():
            yield value + " "
