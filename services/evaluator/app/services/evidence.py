"""Gathers what is known about one answer before any rule looks at it."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from services.common.answers.reasoning import ModelText, split_reasoning
from services.common.chat.messages import Message, read_text
from services.common.schemas import Conversation
from services.common.task_types.tool_calls import Tool, ToolCall, read_tool_calls
from services.evaluator.app.services.code.console import reads_arguments, reads_input
from services.evaluator.app.services.code.extraction import extract_code
from services.evaluator.app.services.code.reading import ExtractedCode, defines, parse_python
from services.evaluator.app.services.code.syntax import Definition, Function, parameters_of
from services.evaluator.app.services.completion import complete
from services.evaluator.app.services.request import RequestFacts, read_request


@dataclass(frozen=True)
class Evidence:
    """An answer beside its request, as all rules and criteria see it.

    Attributes:
        answer: The final part of what the Worker gave; empty where it is reasoning throughout.
        code: The code in the answer; None where there is none.
        expected: The right answer, where a golden input is replayed that has one.
        reasoning: What the model wrote on its way to the answer.
        conversation: The messages before the answer; none where one text was asked.
        tools: The tools that the model was offered.
        tool_calls: The calls that the answer makes.
        finish_reason: Why the answer ended; empty where it isn't known.
        refusal: The refusal that the answer is, where its model marked it as one.
        is_call: Whether the answer is calls of tools and no text.
    """

    task_type: str
    user_input: str
    answer: str
    request: RequestFacts
    code: ExtractedCode | None
    expected: Any = None
    reasoning: str = ""
    conversation: Sequence[Message] = ()
    tools: Sequence[Tool] = ()
    tool_calls: Sequence[ToolCall] = ()
    finish_reason: str = ""
    refusal: str = ""
    is_call: bool = False

    @property
    def tree(self) -> ast.Module | None:
        """Return the code's syntax tree, where it is Python that parses."""
        return self.code.tree if self.code else None

    @cached_property
    def is_program(self) -> bool:
        """Return whether the answer is a program that is run by itself, and asked for as one."""
        request = self.request
        is_wanted = request.wants_program or request.wants_input or bool(request.runs)
        if self.tree is None or not is_wanted or any(one.function for one in request.examples):
            return False
        return (
            request.wants_input
            or reads_input(self.tree)
            or reads_arguments(self.tree)
            or not any(map(parameters_of, self.functions))
        )

    @cached_property
    def definitions(self) -> list[Definition]:
        """Return the functions and classes at the top level."""
        body = self.tree.body if self.tree else []
        return [node for node in body if isinstance(node, Definition)]

    @cached_property
    def functions(self) -> list[Function]:
        """Return all functions and methods, nested ones included."""
        nodes = ast.walk(self.tree) if self.tree else ()
        return [node for node in nodes if isinstance(node, Function)]

    @cached_property
    def main_definition(self) -> Definition | None:
        """Return the definition that the request names, else the first; of one name the last.

        The last is the one that Python leaves standing.
        """
        if not self.definitions:
            return None
        by_name = {node.name: node for node in self.definitions}
        return by_name.get(self.request.name) or by_name[self.definitions[0].name]


def gather_evidence(
    *,
    task_type: str,
    user_input: str,
    answer: str,
    is_code: bool = True,
    expected: Any = None,
    conversation: Conversation | None = None,
) -> Evidence:
    """Read request and answer once; pure, and bounded in time by their length.

    Args:
        is_code: Whether answers of that task type are programs.
        expected: The right answer, where it is known.
        conversation: The conversation, where the request is one, with the whole answer.
    """
    message = conversation.answer if conversation else {}
    tool_calls = read_tool_calls(message)
    is_call = bool(tool_calls) and not read_text(message.get("content")).strip()
    is_code = is_code and not is_call
    given = ModelText(answer, "") if is_call else split_reasoning(answer)
    if is_code and given.final != answer and parse_python(answer)[0] is not None:
        given = ModelText(answer, "")  # a program about tags
    request = read_request(user_input)
    code = extract_code(given.final, user_input) if is_code else None
    if is_code and not (code and code.tree and defines(code.tree)):
        code = complete(given.final, request) or code
    return Evidence(
        task_type=task_type,
        user_input=user_input,
        answer=given.final,
        request=request,
        code=code,
        expected=expected,
        reasoning=given.reasoning,
        conversation=conversation.messages if conversation else (),
        tools=conversation.tools if conversation else (),
        tool_calls=tool_calls,
        finish_reason=(conversation.finish_reason if conversation else None) or "",
        refusal=refusal if isinstance(refusal := message.get("refusal"), str) else "",
        is_call=is_call,
    )
