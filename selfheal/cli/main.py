"""The `selfheal` command: one place registers what it can do."""

from typing import Annotated

import typer

from selfheal.cli import (
    bench,
    chat,
    doctor,
    evaluate,
    explain,
    judge,
    lifecycle,
    migrate,
    optimize,
    prompts,
    proposals,
    reports,
    requests,
    tasks,
)
from selfheal.cli import demo as demonstration
from selfheal.cli.access import audit, erase, keys, users
from selfheal.cli.logs import logs
from selfheal.cli.rollouts import canary
from selfheal.cli.spending import costs
from services.common.version import package_version

app = typer.Typer(
    name="selfheal",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Serve an LLM agent that notices when its prompt goes bad, proves a repair, and heals.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"selfheal {package_version()}")
        raise typer.Exit


@app.callback()
def start(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Serve an LLM agent that notices when its prompt goes bad, proves a repair, and heals.

    Start with: selfheal demo
    """


for command in (
    lifecycle.up,
    lifecycle.down,
    lifecycle.status,
    demonstration.demo,
    requests.request,
    chat.chat,
    explain.explain,
    evaluate.evaluate,
    optimize.optimize,
    costs.costs,
    doctor.doctor,
    migrate.migrate,
    erase.erase,
    lifecycle.reset,
):
    app.command()(command)
app.command(context_settings=lifecycle.PASSTHROUGH)(lifecycle.psql)
app.command("pg_dump", context_settings=lifecycle.PASSTHROUGH)(lifecycle.pg_dump)
app.command("pg_restore", context_settings=lifecycle.PASSTHROUGH)(lifecycle.pg_restore)
for command in (proposals.proposals, proposals.approve, proposals.reject, proposals.undo):
    prompts.app.command()(command)
app.add_typer(prompts.app, name="prompts")
app.add_typer(logs.app, name="logs")
app.add_typer(reports.app, name="reports")
app.add_typer(canary.app, name="canary")
app.add_typer(tasks.app, name="tasks")
app.add_typer(keys.app, name="keys")
app.add_typer(users.app, name="users")
app.add_typer(audit.app, name="audit")
app.add_typer(judge.app, name="judge")
app.add_typer(bench.app, name="bench")


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
