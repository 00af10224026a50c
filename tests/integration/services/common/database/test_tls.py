"""Certificates on both sides. The embedded server was built without TLS: a pooler asks for them."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.pooler import Pooler, pooling

from services.common.database import connect
from services.common.errors import DatabaseUnavailableError

ISSUE = """
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=ours \
    -keyout ca.key -out ca.crt
for name in localhost agent; do
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=$name \
        -addext subjectAltName=DNS:$name -keyout $name.key -out $name.csr
    openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 1 \
        -copy_extensions copy -out $name.crt
done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=theirs \
    -keyout other.key -out other.crt
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority of the test's own, what it issued, and a stranger's certificate."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl isn't installed")
    directory = tmp_path_factory.mktemp("certificates")
    subprocess.run(["sh", "-ec", ISSUE], cwd=directory, check=True, capture_output=True)
    return directory


@pytest.fixture
def pooler(database_url: str, certificates: Path) -> Iterator[Pooler]:
    """A pooler that wants a certificate of its clients, and shows its own."""
    with pooling(
        database_url,
        files=(
            certificates / "localhost.key",
            certificates / "localhost.crt",
            certificates / "ca.crt",
        ),
        client_tls_sslmode="verify-full",
        client_tls_key_file="{directory}/localhost.key",
        client_tls_cert_file="{directory}/localhost.crt",
        client_tls_ca_file="{directory}/ca.crt",
    ) as pooler:
        yield pooler


async def ask(url: str, **options: object) -> int:
    query = "&".join(f"{name}={value}" for name, value in options.items())
    async with connect(f"{url.partition('?')[0]}?{query}", timeout_seconds=5) as connection:
        answer: int = await connection.fetchval("SELECT count(*) FROM prompts")
    return answer


async def test_both_sides_are_who_they_say(
    pooler: Pooler, database_url: str, certificates: Path
) -> None:
    url = pooler.through(database_url)
    by_name = url.replace("@127.0.0.1", "@localhost")
    own = {"sslcert": certificates / "agent.crt", "sslkey": certificates / "agent.key"}
    ours, theirs = certificates / "ca.crt", certificates / "other.crt"
    assert await ask(by_name, sslmode="verify-full", sslrootcert=ours, **own) == 1
    assert await ask(url, sslmode="verify-ca", sslrootcert=ours, **own) == 1
    assert await ask(url, sslmode="require", **own) == 1
    for refused, options in (
        (url, {"sslmode": "verify-full", "sslrootcert": ours, **own}),  # another name
        (by_name, {"sslmode": "verify-full", "sslrootcert": theirs, **own}),
        (by_name, {"sslmode": "verify-ca", "sslrootcert": theirs, **own}),
        (by_name, {"sslmode": "verify-full", "sslrootcert": ours}),  # none of its own
        (by_name, {"sslmode": "disable"}),
    ):
        with pytest.raises(DatabaseUnavailableError):
            await ask(refused, **options)
