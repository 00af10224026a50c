"""The Evaluator's fingerprint: it changes with whatever can change a score."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

from services.common import secret_masking, task_types
from services.common.chat import messages
from services.evaluator.app import sandbox, services
from services.evaluator.app.services import oversight

# Every module below these can change a score: rules, rubric, examples, sandbox, scorer ...
JUDGING_PACKAGES = (services, sandbox, task_types)
# What a judge's model sees is masked by this one, which lies elsewhere.
MASKING_MODULE = secret_masking
# What a conversation says is read by this one.
MESSAGES_MODULE = messages


def fingerprint_evaluator(*, judge: str, sandbox: str, task_type: str) -> str:
    """Hash what gives a score: code, judge, sandbox and task type.

    Args:
        sandbox: The sandbox's backend; what is run is judged otherwise than what isn't.
        task_type: Digest of the task type's rules, weights, rubric and golden answers.

    Returns:
        16 hexadecimal digits. Scores of two fingerprints are not comparable.
    """
    digest = hashlib.sha256()
    for part in (judge, sandbox, task_type, _digest_modules()):
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:16]


def digest_code(modules: Iterable[str]) -> str:
    """Hash what modules say, apart from their names, their places and their imports.

    A module that is renamed, moved, or imports from elsewhere judges as it did before.
    """
    digests = sorted(hashlib.sha256(_without_imports(text).encode()).digest() for text in modules)
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _without_imports(text: str) -> str:
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = ""
    return "\n".join(line for line in lines if line.strip())


def judging_modules() -> Iterator[Path]:
    """Find the modules that can change a score; what watches over the judge can't."""
    watching = _folder_of(oversight)
    for package in JUDGING_PACKAGES:
        for path in _folder_of(package).rglob("*.py"):
            if not path.is_relative_to(watching):
                yield path
    yield Path(str(MASKING_MODULE.__file__))
    yield Path(str(MESSAGES_MODULE.__file__))


def _folder_of(package: ModuleType) -> Path:
    return Path(str(package.__file__)).parent


@cache
def _digest_modules() -> str:
    return digest_code(path.read_text(encoding="utf-8") for path in judging_modules())
