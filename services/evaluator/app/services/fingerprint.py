"""The Evaluator's fingerprint: it changes with whatever can change a score."""

import hashlib
from functools import cache
from pathlib import Path

from services.common import secret_masking, task_types

# Every module below these can change a score: rules, rubric, examples, sandbox, scorer ...
JUDGING_DIRECTORIES = (
    Path(__file__).parent,
    Path(__file__).parent.parent / "sandbox",
    Path(task_types.__file__).parent,
)
# What a judge's model sees is masked by this one, which lies elsewhere.
JUDGING_FILES = (Path(secret_masking.__file__),)
# ... but those that judge the judge.
WATCHING = ("calibration", "canary", "judge_records")


def fingerprint_evaluator(*, judge: str, sandbox: str, task_type: str) -> str:
    """What gave a score: a hash of code, judge, sandbox and task type.

    Args:
        judge: The judge's identity, its model's name and its prompt's version included.
        sandbox: The sandbox's backend; what is run is judged otherwise than what isn't.
        task_type: Digest of the task type's rules, weights, rubric and golden answers.

    Returns:
        16 hexadecimal digits. Scores of two fingerprints are not comparable.
    """
    digest = hashlib.sha256()
    for part in (judge, sandbox, task_type, _digest_modules()):
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:16]


@cache
def _digest_modules() -> str:
    digest = hashlib.sha256()
    for directory in JUDGING_DIRECTORIES:
        for path in sorted(directory.rglob("*.py")):
            if path.name.startswith(WATCHING):
                continue
            digest.update(f"{path.relative_to(directory)}\x00".encode())
            digest.update(path.read_bytes())
    for path in JUDGING_FILES:
        digest.update(f"{path.name}\x00".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
