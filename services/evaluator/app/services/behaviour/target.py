"""Decides which definition of an answer a request means, and how it is called."""

import ast
import re
from dataclasses import dataclass, replace
from typing import TypeGuard

from services.evaluator.app.services.behaviour.returning import gives_a_value, may_give_none
from services.evaluator.app.services.code.syntax import (
    Definition,
    Function,
    dotted_name,
    parameters_of,
)
from services.evaluator.app.services.evidence import Evidence
from services.evaluator.app.services.request import LEETCODE_CLASS, split_name, stem

# Bases whose constructors need nothing.
WITHOUT_ARGUMENTS = frozenset({"object", "list", "dict", "ABC", "Generic"})


@dataclass(frozen=True, slots=True)
class Target:
    """The function or class of an answer that is called.

    Attributes:
        call: Source of what is called: `two_sum`, or `Solution().two_sum` for a method.
        parameters: Its parameters as they take positional arguments, without self.
        required: How many of them must be given.
        rest: What takes any number of them, `*args`; None without it.
        owner: The class of a method; None for all else.
    """

    definition: Definition
    call: str
    parameters: tuple[ast.arg, ...]
    required: int
    needs_keywords: tuple[ast.arg, ...] = ()
    rest: ast.arg | None = None
    owner: ast.ClassDef | None = None

    def takes(self, count: int, *, by_name: int = 0) -> bool:
        """Tell whether it can be called with so many arguments by place and so many by name."""
        most = count if self.rest else len(self.parameters)
        return by_name == len(self.needs_keywords) and self.required <= count <= most

    def named(self, name: str) -> "Target":
        """Return the method's class where a name is a class's, else the target itself."""
        return describe(self.owner) if self.owner and name[0].isupper() else self

    @property
    def function(self) -> Function | None:
        """Return the function that is called; None for a class."""
        return self.definition if isinstance(self.definition, Function) else None


def find_target(evidence: Evidence) -> Target | None:
    """Find the definition that the request names, else the likeliest one."""
    main = evidence.main_definition
    if main is None:
        return None
    if main.name != evidence.request.name:
        main = _likeliest(evidence) or main
    is_asked_for = evidence.request.wants_class and main.name != LEETCODE_CLASS
    if isinstance(main, ast.ClassDef) and not is_asked_for:
        return find_method(main, evidence) or describe(main)
    return describe(main)


def find_method(owner: ast.ClassDef, evidence: Evidence) -> Target | None:
    """Find the method that a request means, of a class whose constructor needs nothing.

    None where the constructor needs something, or it may be one of several.
    """
    public = [node for node in owner.body if _is_public_method(node)]
    named = [node for node in public if node.name == evidence.request.name]
    shown = [one.names for one in evidence.request.examples if one.names]
    inner = {node.attr for node in ast.walk(owner) if isinstance(node, ast.Attribute)}
    for meant in (
        named,
        public,
        [node for node in public if node.name not in inner],
        [node for node in public if re.search(rf"\b{node.name}\b", evidence.user_input)],
        [node for node in public if any(set(names) <= parameters_of(node) for names in shown)],
    ):
        if len(meant) == 1 and describe(owner).takes(0):
            return replace(describe(meant[0], f"{owner.name}().{meant[0].name}"), owner=owner)
    return None


def _is_public_method(node: ast.stmt) -> TypeGuard[Function]:
    return (
        isinstance(node, Function)
        and not node.name.startswith("_")
        and not any("property" in dotted_name(one) for one in node.decorator_list)
    )


def describe(definition: Definition, call: str = "") -> Target:
    """Describe how a definition is called; a class is called by its constructor."""
    function = definition if isinstance(definition, Function) else method_of(definition, "__init__")
    call = call or definition.name
    if function is None:
        # More than it takes, so that no call fits, where its constructor isn't to be seen.
        return Target(definition, call, (), int(_is_made_elsewhere(definition)))
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    is_method = function is not definition or "." in call
    decorators = map(dotted_name, function.decorator_list)
    if is_method and "staticmethod" not in decorators:
        positional = positional[1:]
    named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return Target(
        definition,
        call,
        tuple(positional),
        required=max(0, len(positional) - len(arguments.defaults)),
        needs_keywords=tuple(argument for argument, default in named if default is None),
        rest=arguments.vararg,
    )


def _is_made_elsewhere(definition: Definition) -> bool:
    """Whether a decorator or a base may give a class its constructor."""
    bases = (ast.unparse(base).partition("[")[0] for base in getattr(definition, "bases", ()))
    return bool(definition.decorator_list) or not WITHOUT_ARGUMENTS.issuperset(bases)


def method_of(definition: ast.ClassDef, name: str) -> Function | None:
    """Find a method of a class by its name; None where it has no such method."""
    methods = (node for node in definition.body if isinstance(node, Function))
    return next((node for node in methods if node.name == name), None)


def depends_on_state(owner: ast.ClassDef, name: str) -> bool:
    """Tell whether a method reads what its object keeps, by itself or by another method."""
    kept = {
        node.attr
        for node in ast.walk(owner)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    read = {name}
    for _ in owner.body:
        methods = [method for one in read if (method := method_of(owner, one))]
        nodes = (node for method in methods for node in ast.walk(method))
        read |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return not read.isdisjoint(kept)


def _likeliest(evidence: Evidence) -> Definition | None:
    """The public definition that most likely is what the request asks for.

    What does the asked kind of thing comes before a demonstration, and what has to do with the
    topic before what doesn't; of those, what no other one uses is rather the whole than a part.
    """
    public = [node for node in evidence.definitions if not node.name.startswith("_")]
    owners = [node for node in public if isinstance(node, ast.ClassDef)]
    if owner := next((one for one in owners if method_of(one, evidence.request.name)), None):
        return owner
    if evidence.request.wants_class:
        public = [node for node in public if isinstance(node, ast.ClassDef)] or public
    used = {
        inner.id
        for node in public
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and inner.id != node.name
    }
    return max(
        public,
        key=lambda node: (
            _usefulness(node, evidence),
            _topic_overlap(node.name, evidence.request.topic) > 0,
            node.name not in used,
            _topic_overlap(node.name, evidence.request.topic),
        ),
        default=None,
    )


def _usefulness(node: Definition, evidence: Evidence) -> int:
    """How much of what a function is for it does: take something, and give something."""
    if isinstance(node, ast.ClassDef):
        return 1 + evidence.request.wants_class
    if parameters_of(node):
        return 1 + may_give_none(node, evidence.user_input)
    return int(gives_a_value(node))


def _topic_overlap(name: str, topic: frozenset[str]) -> int:
    return sum(stem(word) in topic for word in split_name(name).split())
