"""What works on this machine and what doesn't: the checks behind `selfheal doctor`."""

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from selfheal.runtime.assembly import (
    build_embedded_postgres,
    build_external_database,
    find_schema,
    uses_own_database,
)
from selfheal.runtime.errors import EmbeddedRuntimeError, choose_another_port
from selfheal.runtime.local_model import require_wheels
from selfheal.runtime.ports import LOOPBACK, describe_process, find_listener, is_free
from selfheal.runtime.postgres.accounts import choose_account
from selfheal.runtime.postgres.binaries import find_binaries
from selfheal.runtime.postgres.external import ExternalDatabase
from selfheal.runtime.postgres.server import EmbeddedPostgres
from selfheal.runtime.process_plan import (
    CONSOLE,
    Credentials,
    lacks_console_database,
    needs_local_model,
    plan_processes,
)
from selfheal.runtime.states import ProcessStatus, State
from selfheal.runtime.system import System
from services.common.access.networks import is_console_public
from services.common.config import Settings
from services.common.database.condition import check_access, check_load
from services.common.diagnosis.checks import (
    Check,
    CheckResult,
    check_network,
    check_provider,
    check_python,
    is_installed,
)
from services.evaluator.app.sandbox import MODULES_SETTING, Availability, probe_sandbox
from services.manager.app.log.spool.state import judge_spool, measure

ENOUGH_DISK_BYTES: Final = 1_000_000_000
LEAST_DISK_BYTES: Final = 300_000_000


def examine(settings: Settings, system: System) -> Iterator[Check]:
    """Look at everything that the system needs here, one thing after the other."""
    yield check_python(sys.version_info[:3])
    yield from _check_database(settings)
    yield _attempt("local model", lambda: _check_local_model(settings))
    yield check_provider(settings, has_langchain=is_installed("langchain"))
    yield check_webhook(settings)
    yield check_network(settings, asks=settings.require_keys)
    yield check_console(settings)
    ours = {status.pid for status in system.status() if status.pid is not None}
    for name, host, port, setting in _ports(settings):
        yield _attempt(f"port {port}", partial(_check_port, name, host, port, setting, ours))
    free_bytes = shutil.disk_usage(_nearest_directory(system.home)).free
    yield check_disk(free_bytes, system.home)
    yield judge_spool(measure(settings.spool_directory), settings.spool_directory)
    yield check_sandbox(settings.sandbox, modules=settings.third_party_modules)


def check_console(settings: Settings) -> Check:
    """Say whether there is a console, and what it lacks."""
    if settings.console == "off":
        return Check(CONSOLE, "off (CONSOLE)")
    if lacks_console_database(settings):
        remedy = "Make it a user with selfheal migrate --console-password-file, or set CONSOLE=off."
        return Check(CONSOLE, "no CONSOLE_DATABASE_URL", CheckResult.WARN, remedy)
    if is_console_public(settings) and not settings.public_url.startswith("https://"):
        remedy = "Put TLS in front, and set PUBLIC_URL to the address that people open."
        return Check(
            CONSOLE, "others would reach it without HTTPS: it won't start", CheckResult.WARN, remedy
        )
    who = "others reach it, and sign in" if is_console_public(settings) else "this machine alone"
    return Check(CONSOLE, f"{settings.console_bind_host}: {who}")


def check_disk(free_bytes: int, home: Path) -> Check:
    """Judge the space that is left where the runtime keeps its files."""
    found = f"{free_bytes / 1e9:.1f} GB free for {home}"
    if free_bytes >= ENOUGH_DISK_BYTES:
        return Check("disk", found)
    result = CheckResult.WARN if free_bytes >= LEAST_DISK_BYTES else CheckResult.FAIL
    return Check("disk", found, result, "Free some space, or set SELFHEAL_HOME to another disk.")


def check_webhook(settings: Settings) -> Check:
    """Say whether anyone is told of heals; never shows the URL, which is a secret."""
    if settings.notify_webhook_url is not None:
        return Check("webhook", "NOTIFY_WEBHOOK_URL is set")
    return Check("webhook", "none; set NOTIFY_WEBHOOK_URL to be told of heals")


def check_stopped_server(status: ProcessStatus) -> Check:
    """Say why the embedded PostgreSQL doesn't serve; one that nobody started is as it should be."""
    found = status.detail or status.state.value
    if status.state is State.CRASHED:
        return Check("database", found, CheckResult.WARN, "Start it again with: selfheal up")
    if status.state is State.UNHEALTHY:
        remedy = "Its log may say why: selfheal logs --service postgres"
        return Check("database", found, CheckResult.WARN, remedy)
    return Check("database", found)


def _check_database(settings: Settings) -> Iterator[Check]:
    if uses_own_database(settings):
        try:
            yield from _check_own_server(build_external_database(settings))
        except EmbeddedRuntimeError as error:
            yield Check("database", error.message, CheckResult.FAIL, error.remedy)
        return
    yield _attempt("PostgreSQL", _check_binaries)
    yield _attempt("schema", lambda: Check("schema", str(find_schema())))
    yield _attempt("account", lambda: _check_account(build_embedded_postgres(settings)))
    yield _attempt("database", lambda: _check_contents(build_embedded_postgres(settings)))


def _check_own_server(server: ExternalDatabase) -> Iterator[Check]:
    server.start()  # looks, and raises what is wrong with its remedy
    yield Check("database", f"{server.address}: your own server (DATABASE_URL)")
    traits, load = server.read_access()
    yield check_access(traits, has_direct_url=bool(server.direct_url))
    yield check_load(load)


def _check_binaries() -> Check:
    binaries = find_binaries()
    found = f"{binaries.major_version} (embedded), {binaries.programs}"
    return Check("PostgreSQL", found)


def _check_account(postgres: EmbeddedPostgres) -> Check:
    storage = postgres.storage
    account = choose_account(storage.data)
    aside = storage.entrance.is_symlink() or not (
        storage.entrance.exists() or account.can_enter(_nearest_directory(storage.home))
    )
    place = f"{storage.aside}, since it can't reach {storage.home}" if aside else storage.entrance
    return Check("account", f"PostgreSQL runs as {account.name}, data in {place}")


def _check_contents(postgres: EmbeddedPostgres) -> Check:
    status = postgres.status()
    if status.state is not State.RUNNING:
        return check_stopped_server(status)
    schema = postgres.schema_state()
    if schema.missing:
        found = f"lacks {', '.join(map(str, schema.missing))}"
        remedy = "The next `selfheal up` applies what lacks."
        return Check("database", found, CheckResult.WARN, remedy)
    if schema.has_list:
        return Check("database", f"running on {status.address}")
    found = "was made with another version of the schema"
    remedy = "Keep it if all works; `selfheal reset` begins with an empty, current one."
    return Check("database", found, CheckResult.WARN, remedy)


def _check_local_model(settings: Settings) -> Check:
    try:
        require_wheels()
    except EmbeddedRuntimeError as error:
        result = CheckResult.FAIL if needs_local_model(settings) else CheckResult.WARN
        return Check("local model", error.message, result, "Install it with: make setup-local")
    return Check("local model", "weights and server are installed")


def _ports(settings: Settings) -> Iterator[tuple[str, str, int, str]]:
    if not uses_own_database(settings):
        yield "postgres", LOOPBACK, settings.postgres_port, EmbeddedPostgres.port_setting
    for stage in plan_processes(settings, Credentials()):
        for spec in stage:
            if spec.port is not None:
                yield spec.name, spec.host, spec.port, spec.port_setting


def _check_port(name: str, host: str, port: int, setting: str, ours: set[int]) -> Check:
    title = f"port {port}"
    if is_free(port, host):
        return Check(title, f"free for {name}")
    holder = find_listener(port, host)
    if holder is not None and holder.pid in ours:
        return Check(title, f"ours: {name}")
    who = describe_process(holder) if holder else "another program"
    found = f"needed for {name}, taken by {who}"
    result = CheckResult.WARN if name == CONSOLE else CheckResult.FAIL
    return Check(title, found, result, choose_another_port(setting))


def check_sandbox(
    backend: str,
    probe: Callable[[str, Sequence[str]], Availability] = probe_sandbox,
    *,
    modules: Sequence[str] = (),
) -> Check:
    """Try whether the code in answers can be run safely here; without it, answers are only read."""
    availability = probe(backend, modules)
    if availability.is_available:
        found = (
            f"{availability.backend}: {', '.join((*availability.layers, *availability.modules))}"
        )
        return Check("sandbox", found)
    found = f"no code is run, answers are judged by static rules only: {availability.problem}"
    remedy = "Run the Evaluator on Linux 5.13 or newer, in a container that allows seccomp."
    if backend == "off":
        remedy = "Unset SANDBOX."
    elif MODULES_SETTING in availability.problem:
        remedy = f"Mend {MODULES_SETTING} as that says, or unset it."
    return Check("sandbox", found, CheckResult.WARN, remedy)


def _attempt(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except EmbeddedRuntimeError as error:
        return Check(name, error.message, CheckResult.FAIL, error.remedy)


def _nearest_directory(path: Path) -> Path:
    """Return the directory itself, or the nearest one above it that exists."""
    return next(place for place in (path, *path.parents) if place.is_dir())
