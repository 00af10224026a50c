"""Picks the failures that are read one by one: at most two of each cluster of like inputs. Pure."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.common.proof.input_clusters import MAX_PER_CLUSTER, cluster_inputs
from services.optimizer.app.services.diagnosis.healing_case import Case
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.log_analyzer import analyze_failures
from services.optimizer.app.services.screening.screening import Quarantined, screen

# Failures that may be evidence, and rows that are read one by one to find them.
MAX_EVIDENCE = 40
MAX_READ = 120


@dataclass(frozen=True, slots=True)
class ReadFailures:
    """Failures that were read.

    Attributes:
        clean: Those that may be evidence, the newest first.
        rows: All of them, the newest first.
    """

    clean: tuple[LoggedResult, ...]
    quarantined: tuple[Quarantined, ...]
    rows: tuple[LoggedResult, ...]


def read_failures(case: Case) -> Case:
    """Read a case's failures one by one, and leave suspicious ones out of what is learned from.

    What is set aside is a failure still: otherwise a prompt under which every answer looks
    suspicious would never be healed.
    """
    read = pick_failures([row for row in case.window.results if not row.passed])
    suspicious = {_content_of(row) for row in set(read.rows) - set(read.clean)}
    kept = tuple(row for row in case.window.results if _content_of(row) not in suspicious)
    failing = analyze_failures(read.clean, threshold=case.analysis.threshold).failing
    texts = {
        text
        for row in read.rows
        for text in (row.user_input, row.refined_input, row.text, row.worker_output)
        if text
    }
    return replace(
        case,
        window=replace(case.window, results=kept),
        analysis=replace(case.analysis, failing=failing),
        quarantined=read.quarantined,
        read_texts=tuple(sorted(texts)),
    )


def pick_failures(failing: Sequence[LoggedResult]) -> ReadFailures:
    """Read failures, at most two of each cluster of like inputs, the newest clusters first.

    Where rows are set aside, older ones are read in their place. Rows beyond what is read count
    as failures, but neither strategies nor the gate see them.

    Args:
        failing: Failed answers, the newest first.
    """
    distinct: dict[tuple[str, str], LoggedResult] = {}
    for row in failing:
        distinct.setdefault(_content_of(row), row)
    rows = list(distinct.values())
    queues = _queue(rows)
    room = [MAX_PER_CLUSTER] * len(queues)
    clean: list[int] = []
    read: list[int] = []
    quarantined: list[Quarantined] = []
    while batch := _take(queues, room, min(MAX_EVIDENCE - len(clean), MAX_READ - len(read))):
        read += [at for _, at in batch]
        screened = screen([rows[at] for _, at in sorted(batch, key=lambda taken: taken[1])])
        quarantined += screened.quarantined
        fit = set(screened.clean)
        for number, at in batch:
            if rows[at] in fit:
                clean.append(at)
                room[number] -= 1
    # Rows that hold an order together may have been read apart.
    together = screen([rows[at] for at in sorted(clean)])
    return ReadFailures(
        together.clean,
        (*quarantined, *together.quarantined),
        tuple(rows[at] for at in sorted(read)),
    )


def _content_of(row: LoggedResult) -> tuple[str, str]:
    """Return what two rows have in common that count as one."""
    return row.text, row.worker_output


def _queue(rows: Sequence[LoggedResult]) -> list[deque[int]]:
    """Queue positions by cluster; one answer to each input comes before a second to any."""
    clusters = cluster_inputs([row.text for row in rows], most_clusters=len(rows))
    seen: Counter[str] = Counter()
    times: list[int] = []
    for row in rows:
        times.append(seen[row.text])
        seen[row.text] += 1
    return [deque(sorted(cluster, key=lambda at: (times[at], at))) for cluster in clusters]


def _take(queues: Sequence[deque[int]], room: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Take the next rows, one of each cluster before a second of any, as cluster and position."""
    batch: list[tuple[int, int]] = []
    for nth in range(MAX_PER_CLUSTER):
        for number, queue in enumerate(queues):
            if queue and nth < room[number] and len(batch) < most:
                batch.append((number, queue.popleft()))
    return batch
