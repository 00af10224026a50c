"""Code that goes for the machine: files, network, other processes, the kernel, the runner.

Each attack returns "ESCAPED" where it got through. None may; and what runs next must not notice.
"""

import os
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from services.evaluator.app.sandbox import Execution, JailSandbox

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "the-secret-of-the-host-8f1c"


@dataclass(frozen=True)
class Host:
    """What an attack could reach from outside the sandbox."""

    file: Path
    directory: Path
    port: int


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    directory = tmp_path_factory.mktemp("open")
    for folder in (directory, *directory.parents[:2]):
        folder.chmod(0o777)
    secret_file = directory / "secret"
    secret_file.write_text(SECRET)
    secret_file.chmod(0o666)
    os.environ["HOST_SECRET"] = SECRET
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield Host(secret_file, directory, server.getsockname()[1])
        with pytest.raises(BlockingIOError):
            server.accept()
    del os.environ["HOST_SECRET"]
    assert not any(Path(folder, "sandbox-escaped").exists() for folder in ("/tmp", "/dev/shm"))
    assert secret_file.read_text() == SECRET
    assert [path.name for path in directory.iterdir()] == ["secret"]


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _nothing_is_left_behind(sandbox: JailSandbox) -> AsyncIterator[None]:
    yield
    afterwards = await sandbox.run("def double(x):\n    return 2 * x\n", ["double(21)"])
    assert (afterwards.status, afterwards.steps[0].value) == ("finished", 42)


CTYPES = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
"""

FILES = {
    "read-the-password-file": "open('/etc/passwd').read()",
    "read-own-environment": "open('/proc/self/environ', 'rb').read()",
    "read-own-maps": "open('/proc/self/maps').read()",
    "read-own-memory": "open('/proc/self/mem', 'rb').read(1)",
    "read-parents-environment": "open(f'/proc/{__import__(\"os\").getppid()}/environ').read()",
    "list-processes": "__import__('os').listdir('/proc')",
    "list-the-root": "__import__('os').listdir('/')",
    "walk-by-scandir": "list(__import__('os').scandir('/tmp'))",
    "read-a-file-of-the-host": "open('@FILE@').read()",
    "read-by-low-level-open": "__import__('os').open('@FILE@', 0)",
    "read-by-pathlib": "__import__('pathlib').Path('@FILE@').read_text()",
    "look-at-a-file": "__import__('os').stat('@FILE@')",
    "overwrite-a-file": "open('@FILE@', 'w').write('gone')",
    "make-a-file": "open('@DIRECTORY@/new', 'w').write('new')",
    "make-a-file-here": "open('new', 'w').write('new')",
    "make-a-file-in-tmp": "open('/tmp/sandbox-escaped', 'w').write('new')",
    "make-a-file-in-shared-memory": "open('/dev/shm/sandbox-escaped', 'w').write('new')",
    "make-a-temporary-file": "__import__('tempfile').NamedTemporaryFile().name",
    "make-a-directory": "__import__('os').mkdir('@DIRECTORY@/new') or 1",
    "make-a-link": "__import__('os').symlink('/etc', '@DIRECTORY@/new') or 1",
    "make-a-hard-link": "__import__('os').link('@FILE@', '@DIRECTORY@/new') or 1",
    "make-a-pipe-file": "__import__('os').mkfifo('@DIRECTORY@/new') or 1",
    "delete-a-file": "__import__('os').unlink('@FILE@') or 1",
    "rename-a-file": "__import__('os').rename('@FILE@', '@DIRECTORY@/new') or 1",
    "truncate-a-file": "__import__('os').truncate('@FILE@', 0) or 1",
    "change-a-mode": "__import__('os').chmod('@FILE@', 0) or 1",
    "change-the-root": "__import__('os').chroot('@DIRECTORY@') or 1",
    "change-the-directory": "__import__('os').chdir('@DIRECTORY@') or 1",
    "write-a-database": "__import__('sqlite3').connect('@DIRECTORY@/new').cursor()",
    "read-a-device": "open('/dev/zero', 'rb').read(1)",
    "a-file-without-a-name": "__import__('os').memfd_create('x')",
}  # fmt: skip

NETWORK = {
    "a-socket": "__import__('socket').socket()",
    "connect-to-the-host": "__import__('socket').create_connection(('127.0.0.1', @PORT@))",
    "connect-to-a-database": "__import__('socket').create_connection(('127.0.0.1', 5432), 1)",
    "listen": "__import__('socket').create_server(('127.0.0.1', 0))",
    "a-raw-socket": "__import__('socket').socket(2, 3, 1)",
    "a-packet-socket": "__import__('socket').socket(17, 3)",
    "a-netlink-socket": "__import__('socket').socket(16, 3)",
    "a-vsock": "__import__('socket').socket(40, 1)",
    "resolve-a-name": "__import__('socket').getaddrinfo('localhost', 80)",
    "fetch-a-page": "__import__('urllib.request').request.urlopen('http://127.0.0.1:@PORT@').read()",
    "send-to-an-address": "__import__('socket').socketpair()[0].sendto(b'x', '/tmp/any')",
    "pass-descriptors": (
        "__import__('socket').send_fds(__import__('socket').socketpair()[0], [b'x'], [1])"
    ),
    "asyncio-connection": (
        "__import__('asyncio').run(__import__('asyncio').open_connection('127.0.0.1', @PORT@))"
    ),
}  # fmt: skip

PROCESSES = {
    "fork": "__import__('os').fork() + 1",
    "fork-for-a-terminal": "__import__('pty').fork()",
    "spawn": "__import__('os').posix_spawn('/bin/true', ['true'], {})",
    "replace-itself": "__import__('os').execv('/bin/sh', ['sh', '-c', 'echo ESCAPED'])",
    "a-shell": "1 if __import__('os').system('true') == 0 else 1 / 0",
    "a-subprocess": "__import__('subprocess').run(['/bin/true'])",
    "a-popen": "__import__('os').popen('echo ESCAPED').read()",
    "a-multiprocessing-pool": "__import__('multiprocessing').Pool(1)",
    "a-process-executor": (
        "__import__('concurrent.futures').futures.ProcessPoolExecutor().submit(int).result()"
    ),
    "a-thread": "__import__('threading').Thread(target=int).start() or 1",
    "a-thread-of-low-level": "__import__('_thread').start_new_thread(int, ())",
    "a-thread-executor": (
        "__import__('concurrent.futures').futures.ThreadPoolExecutor().submit(int).result()"
    ),
    "signal-the-parent": "__import__('os').kill(__import__('os').getppid(), 15) or 1",
    "signal-everyone": "__import__('os').kill(-1, 9) or 1",
    "signal-the-group": "__import__('os').killpg(0, 9) or 1",
    "signal-the-first-process": "__import__('os').kill(1, 0) or 1",
    "hold-a-process-by-descriptor": "__import__('os').pidfd_open(__import__('os').getppid())",
    "reschedule-the-parent": (
        "__import__('os').setpriority(0, __import__('os').getppid(), 19) or 1"
    ),
    "bind-to-one-processor": "__import__('os').sched_setaffinity(0, {0}) or 1",
    "leave-the-session": "__import__('os').setsid() or 1",
    "become-root": "__import__('os').setuid(0) or 1",
    "become-another": "__import__('os').setresuid(1, 1, 1) or 1",
    "join-groups": "__import__('os').setgroups([0]) or 1",
    "raise-the-limit-on-time": "__import__('resource').setrlimit(0, (-1, -1)) or 1",
    "raise-the-limit-on-memory": "__import__('resource').setrlimit(9, (1 << 40, 1 << 40)) or 1",
    "limit-the-parent": (
        "__import__('resource').prlimit(__import__('os').getppid(), 0, (1, 1)) or 1"
    ),
    "the-hosts-name": "__import__('os').uname().nodename",
    "sharing-memory-by-name": (
        "__import__('multiprocessing.shared_memory').shared_memory"
        ".SharedMemory(create=True, size=8).name"
    ),
}  # fmt: skip

# By number, past whatever Python forbids: (name, x86-64, aarch64, arguments).
SYSTEM_CALLS = [
    ("ptrace", 101, 117, "16, os.getppid(), 0, 0"),
    ("process_vm_readv", 310, 270, "os.getppid(), 0, 0, 0, 0, 0"),
    ("process_vm_writev", 311, 271, "os.getppid(), 0, 0, 0, 0, 0"),
    ("io_uring_setup", 425, 425, "1, ctypes.create_string_buffer(120)"),
    ("bpf", 321, 280, "0, 0, 0"),
    ("perf_event_open", 298, 241, "0, 0, -1, -1, 0"),
    ("userfaultfd", 323, 282, "0"),
    ("keyctl", 250, 219, "0, -3, 0, 0, 0"),
    ("unshare", 272, 97, "0x10000000"),
    ("clone-with-namespaces", 56, 220, "0x10000011, 0, 0, 0, 0"),
    ("clone3", 435, 435, "0, 0"),
    ("mount", 165, 40, "0, 0, 0, 0, 0"),
    ("open_tree", 428, 428, "-100, b'/', 0"),
    ("openat2", 437, 437, "-100, b'/etc/passwd', ctypes.create_string_buffer(24), 24"),
    ("open_by_handle_at", 304, 265, "-100, 0, 0"),
    ("name_to_handle_at", 303, 264, "-100, b'/', 0, 0, 0"),
    ("memfd_create", 319, 279, "b'x', 0"),
    ("execveat", 322, 281, "1, b'', 0, 0, 0x1000"),
    ("personality", 135, 92, "0x0400000"),
    ("prctl-dumpable", 157, 167, "4, 1, 0, 0, 0"),
    ("prctl-seccomp", 157, 167, "22, 0, 0, 0, 0"),
    ("seccomp", 317, 277, "1, 0, 0"),
    ("mmap-executable", 9, 222, "0, 4096, 7, 0x22, -1, 0"),
    ("pkey_mprotect", 329, 288, "0, 0, 7, -1"),
    ("shmget", 29, 194, "0, 4096, 0o1777"),
    ("msgget", 68, 186, "0, 0o1777"),
    ("mq_open", 240, 180, "b'x', 0o102, 0o777, 0"),
    ("pidfd_getfd", 438, 438, "3, 0, 0"),
    ("setns", 308, 268, "3, 0"),
    ("timer_delete", 226, 111, "0"),
    ("timer_settime", 223, 110, "0, 0, ctypes.create_string_buffer(32), 0"),
    ("landlock_create_ruleset", 444, 444, "0, 0, 1"),
    ("add_key", 248, 217, "b'user', b'x', b'y', 1, -3"),
    ("inotify_init1", 294, 26, "0"),
    ("syslog", 103, 116, "3, ctypes.create_string_buffer(64), 64"),
    ("reboot", 169, 142, "0, 0, 0, 0"),
    ("init_module", 175, 105, "0, 0, b''"),
    ("sendmsg", 46, 211, "1, 0, 0"),
    ("vmsplice", 278, 75, "1, 0, 0, 0"),
    ("tgkill-the-parent", 234, 131, "os.getppid(), os.getppid(), 15"),
    ("x32-abi", 0x40000000 + 39, -1, ""),
]  # fmt: skip


def _by_number(x86_64: int, aarch64: int, arguments: str) -> str:
    return f"""{CTYPES}
import os, sys
NUMBER = {x86_64} if 'x86_64' in '@MACHINE@' else {aarch64}
def attack():
    result = libc.syscall(ctypes.c_long(NUMBER), {arguments})
    if result < 0:
        raise OSError(ctypes.get_errno(), 'refused')
    return 'ESCAPED'
"""


def _by_expression(expression: str) -> str:
    return (
        f"def attack():\n    got = {expression}\n    return ['ESCAPED', repr(got)] if got else 0\n"
    )


ATTACKS = [
    *(pytest.param(_by_expression(text), id=name) for name, text in FILES.items()),
    *(pytest.param(_by_expression(text), id=name) for name, text in NETWORK.items()),
    *(pytest.param(_by_expression(text), id=name) for name, text in PROCESSES.items()),
    *(pytest.param(_by_number(*call), id=f"call-{name}") for name, *call in SYSTEM_CALLS),
]


@pytest.mark.parametrize("attack", ATTACKS)
async def test_nothing_gets_out(sandbox: JailSandbox, host: Host, attack: str) -> None:
    source = _aim(attack, host)

    when_called = await sandbox.run(source, ["attack()"])
    on_loading = await sandbox.run(f"{source}\nprint(attack())\n", ["1 + 1"])

    for execution in (when_called, on_loading):
        assert execution.layers
        assert "ESCAPED" not in repr(execution)
        assert SECRET not in repr(execution)
    assert when_called.loaded
    assert when_called.steps[0].outcome in {"raised", "inconclusive", "not_finished"}
    assert not on_loading.loaded


def _aim(attack: str, host: Host) -> str:
    for name, value in {
        "@FILE@": str(host.file),
        "@DIRECTORY@": str(host.directory),
        "@PORT@": str(host.port),
        "@MACHINE@": os.uname().machine,
    }.items():
        attack = attack.replace(name, value)
    return attack


# Python itself says these with errors that mean other things as well.
UNCLEAR = {
    "a-shell",
    "fork-for-a-terminal",
    "raise-the-limit-on-time",
    "raise-the-limit-on-memory",
}


@pytest.mark.parametrize("name", sorted((FILES | NETWORK | PROCESSES).keys() - UNCLEAR))
async def test_what_the_sandbox_refuses_is_no_failure_of_the_program(
    sandbox: JailSandbox, host: Host, name: str
) -> None:
    expression = (FILES | NETWORK | PROCESSES)[name]
    execution = await sandbox.run(_aim(_by_expression(expression), host), ["attack()"])
    assert isinstance(execution, Execution)
    assert execution.steps[0].outcome == "inconclusive", execution.steps[0]
