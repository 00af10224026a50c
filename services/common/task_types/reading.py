"""Reads a task type's directory strictly: what can't be used is refused, with a remedy."""

import hashlib
import json
import math
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from services.common.chat.messages import ChatInput, read_last_user_text
from services.common.schemas import MAX_ID_CHARACTERS, MAX_INPUT_CHARACTERS, VariableName, Variables
from services.common.setting_checks import MAX_DAYS
from services.common.task_types.checks import read_checks
from services.common.task_types.own_functions import load_functions
from services.common.task_types.task_type import (
    BY_THE_SETTINGS,
    AnswerKind,
    ClientSystem,
    GoldenInputs,
    Repairs,
    Retention,
    RuleWeight,
    Sampling,
    TaskType,
    TaskTypeError,
)

DEFINITION_FILE = "task_type.toml"
PROMPT_FILE = "prompt.txt"
JUDGE_FILE = "judge.txt"
GOLDEN_INPUTS_FILE = "golden_inputs.json"
REPAIRS_FILE = "repairs.toml"
RETENTION_FILE = "retention.toml"
VALIDATORS_FILE = "validators.py"
# Files that say how to ask, how to repair and what to keep; a change in them changes no score.
NOT_JUDGING = frozenset({PROMPT_FILE, REPAIRS_FILE, RETENTION_FILE})
WEIGHT_TOLERANCE = 1e-6
MAX_PROMPT_BYTES = 16 * 1024

Weight = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
Days = Annotated[int, Field(ge=1, le=MAX_DAYS)]
FileContent = TypeVar("FileContent", bound=BaseModel)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Rule(_File):
    weight: Weight
    caps: bool = False


def _expand(entry: object) -> object:
    """Expand `name = 0.1` to `name = { weight = 0.1 }`."""
    is_number = isinstance(entry, int | float) and not isinstance(entry, bool)
    return {"weight": entry} if is_number else entry


class _Sampling(_File):
    rules: Weight = 1.0
    judge: Weight = 1.0

    @model_validator(mode="after")
    def _nest(self) -> Self:
        if self.judge > self.rules:
            raise ValueError("judge is over rules: what is judged is among what the rules look at")
        return self


class _Definition(_File):
    description: Text
    answers: AnswerKind
    rules: Annotated[dict[str, Annotated[_Rule, BeforeValidator(_expand)]], Field(min_length=1)]
    rubric: Annotated[dict[str, Weight], Field(min_length=1)]
    variables: Annotated[list[VariableName], Field(max_length=100)] = []
    client_system: ClientSystem = "follow"
    sampling: _Sampling = _Sampling()


class _GoldenInput(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)

    id: Annotated[Text, Field(max_length=MAX_ID_CHARACTERS)]
    input: Annotated[Text, Field(max_length=MAX_INPUT_CHARACTERS)]
    messages: list[dict[str, Any]] = []
    tools: list[dict[str, Any]] = []
    parameters: dict[str, Any] = {}
    variables: Variables = {}
    expected: Any = None
    checks: Annotated[Any, AfterValidator(read_checks)] = ()

    @model_validator(mode="before")
    @classmethod
    def _name_conversation(cls, entry: Any) -> Any:
        """Name a conversation by the last message of its user, which is its input."""
        if not isinstance(entry, dict) or "messages" not in entry:
            return entry
        messages = entry["messages"]
        if "input" in entry:
            raise ValueError("give `input` or `messages`, not both")
        if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
            raise ValueError("`messages` must be a list of objects")
        if not messages or messages[-1].get("role") not in ("user", "tool"):
            raise ValueError("the last message must be the user's or a tool's")
        return entry | {"input": read_last_user_text(messages)}

    @property
    def conversation(self) -> ChatInput | None:
        """What is asked, where it is more than a text."""
        if not (self.messages or self.tools or self.parameters or self.variables):
            return None
        messages = self.messages or [{"role": "user", "content": self.input}]
        return ChatInput(messages, self.tools, self.parameters, self.variables)


class _GoldenInputs(_File):
    choosing: list[_GoldenInput]
    verdict: list[_GoldenInput]


class _Repairs(_File):
    role: Text
    rules: dict[str, Text]


class _Retention(_File):
    log_days: Days | Literal["forever"] | None = None
    body_days: Days | Literal["forever"] | None = None


def read_task_type(directory: Path) -> TaskType:
    """Read everything that a task type's directory holds; its `validators.py` is executed.

    Raises:
        TaskTypeError: If a file is missing, can't be read, or has content that can't be used.
    """
    definition = _parse(_Definition, directory / DEFINITION_FILE)
    _require_sum(
        directory / DEFINITION_FILE, "rules", [r.weight for r in definition.rules.values()]
    )
    _require_sum(directory / DEFINITION_FILE, "rubric", definition.rubric.values())
    repairs = _parse(_Repairs, directory / REPAIRS_FILE)
    functions = load_functions(directory / VALIDATORS_FILE)
    return TaskType(
        name=directory.name,
        description=definition.description.strip(),
        answers=definition.answers,
        prompt=_read_prompt(directory / PROMPT_FILE),
        judge_prompt=(
            _read_prompt(directory / JUDGE_FILE) if (directory / JUDGE_FILE).exists() else None
        ),
        rule_weights={
            name: RuleWeight(rule.weight, rule.caps) for name, rule in definition.rules.items()
        },
        rubric_weights=definition.rubric,
        golden_inputs=_read_golden_inputs(directory / GOLDEN_INPUTS_FILE, definition.variables),
        repairs=Repairs(role=repairs.role, by_rule=repairs.rules),
        rules={name: functions[name] for name in definition.rules if name in functions},
        criteria={name: functions[name] for name in definition.rubric if name in functions},
        directory=directory,
        digest=_digest(directory),
        variables=tuple(definition.variables),
        client_system=definition.client_system,
        sampling=Sampling(definition.sampling.rules, definition.sampling.judge),
        retention=_read_retention(directory / RETENTION_FILE),
    )


def _read_retention(path: Path) -> Retention:
    if not path.exists():
        return BY_THE_SETTINGS
    content = _parse(_Retention, path)
    return Retention(content.log_days, content.body_days)


def _require_sum(path: Path, table: str, weights: Iterable[float]) -> None:
    total = math.fsum(weights)
    if abs(total - 1) > WEIGHT_TOLERANCE:
        raise TaskTypeError(
            path,
            f"the weights in [{table}] add up to {total:g}",
            remedy="Change them so that they add up to 1.",
        )


def _read_prompt(path: Path) -> str:
    text = _read_text(path).strip()
    if not text or "\x00" in text:
        raise TaskTypeError(path, "it holds no text", remedy="Write the prompt into it.")
    if len(text.encode()) > MAX_PROMPT_BYTES:
        raise TaskTypeError(
            path, f"it is over {MAX_PROMPT_BYTES} bytes", remedy="Shorten the prompt."
        )
    return text


def _read_golden_inputs(path: Path, variables: Sequence[str]) -> GoldenInputs:
    halves = _parse(_GoldenInputs, path)
    entries = [*halves.choosing, *halves.verdict]
    for kind, values in (("id", [e.id for e in entries]), ("input", [e.input for e in entries])):
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise TaskTypeError(
                path,
                f"the {kind} {twice[:60]!r} is there twice",
                remedy="Take one away: the two halves may have nothing in common.",
            )
    for entry in entries:
        if entry.variables.keys() != set(variables):
            raise TaskTypeError(
                path,
                f"{entry.id!r} doesn't give a value to each variable of {DEFINITION_FILE}",
                remedy=f"Give it `variables` with a text for each of: {', '.join(variables)}."
                if variables
                else f"Take its `variables` away, or declare them in {DEFINITION_FILE}.",
            )
    return GoldenInputs(
        choosing=tuple(entry.input for entry in halves.choosing),
        verdict=tuple(entry.input for entry in halves.verdict),
        ids={e.input: e.id for e in entries},
        expected={e.input: e.expected for e in entries if e.expected is not None},
        checks={e.input: e.checks for e in entries if e.checks},
        conversations={e.input: asked for e in entries if (asked := e.conversation)},
    )


def _parse(shape: type[FileContent], path: Path) -> FileContent:
    text = _read_text(path)
    is_toml = path.suffix == ".toml"
    try:
        content = tomllib.loads(text) if is_toml else json.loads(text)
    except (ValueError, RecursionError) as error:
        kind = "TOML" if is_toml else "JSON"
        raise TaskTypeError(
            path, f"it is no valid {kind}: {error}", remedy="Correct the place that it names."
        ) from error
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise TaskTypeError(
            path,
            f"{place}: {problem['msg']}",
            remedy="See docs/task-types.md for what belongs there.",
        ) from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise TaskTypeError(
            path,
            "there is no such file",
            remedy="Write it; `selfheal tasks new` makes a whole directory to start from.",
        ) from error
    except UnicodeDecodeError as error:
        raise TaskTypeError(path, "it is no UTF-8 text", remedy="Save it as UTF-8.") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TaskTypeError(
            path, f"it can't be read: {reason}", remedy="Make it a file that this user can read."
        ) from error


def _digest(directory: Path) -> str:
    """Hash what a score depends on: rules, weights, the judge's prompt, and their data."""
    digest = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        parts = path.relative_to(directory).parts
        is_ours = not any(part.startswith((".", "__pycache__")) for part in parts)
        if is_ours and path.is_file() and path.name not in NOT_JUDGING:
            name = "/".join(parts).encode("utf-8", "surrogateescape")
            digest.update(name + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
