"""The mock system's database: a connection a statement, which is slow enough to be simple."""

import asyncio
from typing import Any

import asyncpg


class Tables:
    """Runs statements, from any thread."""

    def __init__(self, url: str) -> None:
        self._url = url

    def fetch(self, sql: str, *arguments: Any) -> list[Any]:
        """Rows of a query."""

        async def ask() -> list[Any]:
            connection = await asyncpg.connect(self._url)
            try:
                return list(await connection.fetch(sql, *arguments))
            finally:
                await connection.close()

        return asyncio.run(ask())

    def execute(self, sql: str) -> None:
        """Run statements, all or none."""

        async def run() -> None:
            connection = await asyncpg.connect(self._url)
            try:
                await connection.execute(sql)
            finally:
                await connection.close()

        asyncio.run(run())
