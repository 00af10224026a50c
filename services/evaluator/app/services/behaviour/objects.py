"""Tells whether a function takes objects of a class, which a request may show as plain lists."""

import ast
import re

from services.evaluator.app.services.behaviour.target import Target
from services.evaluator.app.services.code.syntax import parameters_of
from services.evaluator.app.services.evidence import Evidence

# What LeetCode defines for every answer, and shows as lists.
LEETCODE_CLASSES = {
    "ListNode": """class ListNode:
    def __init__(self, val=0, next=None):
        self.val, self.next = val, next""",
    "TreeNode": """class TreeNode:
    def __init__(self, val=0, left=None, right=None):
        self.val, self.left, self.right = val, left, right""",
}


def takes_objects(target: Target, evidence: Evidence) -> bool:
    """Tell whether a function's parameters are objects of a class that request or answer shows.

    Its signature names the class, or it reads the class's attributes off what it is given.
    """
    function = target.function
    if function is None:
        return False
    shown = (*evidence.request.code, *(evidence.tree.body if evidence.tree else ()))
    own = [node for node in shown if isinstance(node, ast.ClassDef) and node is not target.owner]
    classes = [*own, *(ast.parse(source).body[0] for source in LEETCODE_CLASSES.values())]
    names = {node.name for node in classes if isinstance(node, ast.ClassDef)}
    hints = (argument.annotation for argument in target.parameters if argument.annotation)
    if any(names.intersection(re.findall(r"\w+", ast.unparse(hint))) for hint in hints):
        return True
    given = parameters_of(function)
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=alias)], value=ast.Name(id=name)) if name in given:
                given.add(alias)
    inner = (node for one in classes for node in ast.walk(one))
    fields = {node.attr for node in inner if isinstance(node, ast.Attribute)}
    for node in ast.walk(function):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=field):
                if name in given and field in fields:
                    return True
    return False
