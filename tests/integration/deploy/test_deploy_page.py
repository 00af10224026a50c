"""The database of docs/deploy.md, made by its own words on a server that somebody else keeps."""

import asyncio
import re
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from typer.testing import CliRunner

from selfheal.cli.main import app
from selfheal.runtime.postgres.server import EmbeddedPostgres

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
KEEPER = "deploy_page_keeper"
USERS = ("manager", "worker", "optimizer", "console")


def ours(text: str) -> str:
    """Give the page's users and database names that this server doesn't have yet."""
    text = re.sub(r"\bagent\b", "deploy_page_agent", text.replace("'...'", "'secret'"))
    return text.replace("agent_system", "deploy_page").replace(":...@", ":secret@")


def block(pattern: str) -> str:
    found = re.search(rf"```\w*\n({pattern}.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return ours(found[1])


async def make_database(server: EmbeddedPostgres) -> None:
    """Run the page's SQL as who may make users and databases, and no more."""
    owner = await server.address.connect()
    await owner.execute(f"CREATE ROLE {KEEPER} LOGIN CREATEROLE CREATEDB PASSWORD 'secret'")
    address = urlsplit(server.database_url)
    keeper = await asyncpg.connect(
        host=address.hostname,
        port=address.port,
        user=KEEPER,
        password="secret",
        database="postgres",
    )
    for statement in block("CREATE ROLE").strip().removesuffix(";").split(";"):
        await keeper.execute(statement)
    await keeper.close()
    await owner.close()


async def drop_database(server: EmbeddedPostgres) -> None:
    owner = await server.address.connect()
    await owner.execute("DROP DATABASE IF EXISTS deploy_page WITH (FORCE)")
    for name in ("deploy_page_agent", *(f"deploy_page_{user}" for user in USERS), KEEPER):
        await owner.execute(f"DROP ROLE IF EXISTS {name}")
    await owner.close()


def migrate(*arguments: str, environment: dict[str, str]) -> None:
    """As the chart's Job and init containers do."""
    done = CliRunner().invoke(app, ["migrate", *arguments], env=environment)
    assert done.exit_code == 0, done.output


@pytest.mark.slow
def test_who_may_make_users_and_databases_gets_one_that_each_service_comes_into(
    database_server: EmbeddedPostgres,
) -> None:
    address = urlsplit(database_server.database_url)
    urls = dict(line.split("=", 1) for line in block("DATABASE_URL=").splitlines())
    urls = {
        name: url.replace("db.example.com:5432", f"{address.hostname}:{address.port}").replace(
            "sslmode=require", "sslmode=disable"
        )
        for name, url in urls.items()
    }
    try:
        asyncio.run(make_database(database_server))
        migrate(environment=urls)
        for user in USERS:
            migrate("--wait=5", environment={"DATABASE_URL": urls[f"{user.upper()}_DATABASE_URL"]})
    finally:
        asyncio.run(drop_database(database_server))
