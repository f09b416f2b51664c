"""The commands: one module per command, loaded when it is called; the only place that prints and exits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import click

from reconciler.cli.exits import MEANINGS, USAGE, run
from reconciler.cli.process import settle
from reconciler.version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS: Mapping[str, str] = {
    "init": "Write a starter stack: reconciler.yaml and a first manifest, never over a file.",
    "validate": "Check all that can be known without the server.",
    "fmt": "Put manifests into canonical order and layout.",
    "plan": "Show what apply would do.",
    "apply": "Plan, show, ask, do; or do exactly a saved plan.",
    "drift": "Show what differs on the server from what was last applied.",
    "import": "Write manifests for what is on the server and no stack owns.",
    "destroy": "Delete all that the stack owns.",
    "unlock": "Release the stack's lock, where whoever holds it is gone.",
    "show": "Print a saved plan.",
    "explain": "Show where a value comes from, and what would happen to it.",
    "graph": "Print what needs what, as Mermaid or DOT.",
    "completion": "Print the completion script of bash, zsh or fish.",
    "schema": "Print the JSON Schema of the manifests, for editors.",
    "backends": "Show what each backend can do with each kind.",
}


class _Commands(click.Group):
    """Loads a command's module when it is needed, so that one command does not pay for all."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"reconciler.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            from difflib import get_close_matches  # noqa: PLC0415 - only for a mistake

            if near := get_close_matches(args[0], COMMANDS, n=1):
                ctx.fail(f"no such command '{args[0]}'; did you mean '{near[0]}'?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning.replace("`", "")) for code, meaning in MEANINGS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """As click does it, but without loading every command for its help."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only while completing

        return [CompletionItem(name, help=words) for name, words in COMMANDS.items() if name.startswith(incomplete)]


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    subcommand_metavar="COMMAND [ARGS]...",
    invoke_without_command=True,
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Terraform for experiment tracking: experiments, runs and logged models as YAML in Git."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(USAGE)


def main() -> None:
    """The program: exits with a code of docs/commands.md, but where it only answers a shell."""
    if shell := os.environ.get("_RECONCILER_COMPLETE"):
        from reconciler.cli.shells import answer  # noqa: PLC0415 - a shell asks, nobody else

        answer(cli, shell)
    else:
        settle()
        run(cli)
