"""Decides which definition of an answer a request means, and how it is called."""

import ast
from dataclasses import dataclass

from services.evaluator.app.services.code.syntax import Definition, Function, dotted_name
from services.evaluator.app.services.evidence import Evidence
from services.evaluator.app.services.request import stem


@dataclass(frozen=True, slots=True)
class Target:
    """The function or class of an answer that is called.

    Attributes:
        definition: The function or class.
        call: Source of what is called: `two_sum`, or `Solution().two_sum` for a method.
        parameters: Its parameters as they take positional arguments, without self.
        required: How many of them must be given.
        takes_more: Whether `*args` takes any number.
        needs_keywords: Keyword-only parameters without a default.
    """

    definition: Definition
    call: str
    parameters: tuple[ast.arg, ...]
    required: int
    takes_more: bool
    needs_keywords: tuple[str, ...]

    def takes(self, count: int) -> bool:
        """Tell whether the target can be called with that many positional arguments."""
        most = count if self.takes_more else len(self.parameters)
        return not self.needs_keywords and self.required <= count <= most

    @property
    def function(self) -> Function | None:
        """Return the function that is called; None for a class."""
        return self.definition if isinstance(self.definition, Function) else None


def find_target(evidence: Evidence) -> Target | None:
    """Find the definition that the request names, else one that no other definition uses."""
    main = evidence.main_definition
    if main is None:
        return None
    if main.name != evidence.request.name:
        main = _root(evidence) or main
    return describe(main)


def describe(definition: Definition, call: str = "") -> Target:
    """Describe how a definition is called; a class is called by its constructor."""
    function = definition if isinstance(definition, Function) else constructor_of(definition)
    call = call or definition.name
    if function is None:
        return Target(definition, call, (), 0, False, ())
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = len(arguments.defaults)
    is_method = function is not definition or "." in call
    if is_method and positional and not is_static(function):
        positional = positional[1:]
    keywords = tuple(
        argument.arg
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    )
    required = max(0, len(positional) - defaults)
    return Target(
        definition, call, tuple(positional), required, arguments.vararg is not None, keywords
    )


def is_static(function: Function) -> bool:
    """Tell whether a method is static, so that it takes no `self`."""
    return any(dotted_name(node) == "staticmethod" for node in function.decorator_list)


def constructor_of(definition: ast.ClassDef) -> Function | None:
    """Return the class's own `__init__`; None where it has none."""
    return method_of(definition, "__init__")


def method_of(definition: ast.ClassDef, name: str) -> Function | None:
    """Find a method of a class by its name; None where it has no such method."""
    for node in definition.body:
        if isinstance(node, Function) and node.name == name:
            return node
    return None


def _root(evidence: Evidence) -> Definition | None:
    """The public definition that no other one uses; of several, the one that is on topic."""
    public = {
        node.name: node
        for node in evidence.definitions
        if not node.name.startswith("_") and node.name not in ("main", "test", "run_tests")
    }
    if evidence.request.wants_class:
        classes = [name for name, node in public.items() if isinstance(node, ast.ClassDef)]
        public = {name: public[name] for name in classes} or public
    used = {
        inner.id
        for name, node in public.items()
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and inner.id in public and inner.id != name
    }
    roots = [node for name, node in public.items() if name not in used]
    if not roots:
        return None
    return max(roots, key=lambda node: _topic_overlap(node.name, evidence.request.topic))


def _topic_overlap(name: str, topic: frozenset[str]) -> int:
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in name)
    return sum(stem(word) in topic for word in words.replace("_", " ").split())
