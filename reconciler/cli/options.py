"""The options that commands share, and what they make of them: a session and an output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli import complete
from reconciler.cli.duration import Duration
from reconciler.cli.exits import CREDENTIALS, ERROR, REFUSALS, REFUSED
from reconciler.cli.output import Output
from reconciler.core.diagnostics import Failed, error

if TYPE_CHECKING:
    from reconciler.core.planner import Options
    from reconciler.declared import Declared
    from reconciler.session import Session

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Sending:
    """What the options of `sending` and `locking` say."""

    timeout: float = 60.0
    journal: Path | None = None
    journal_bodies: bool = False
    no_lock: bool = False
    lock_timeout: float = 0.0

    @classmethod
    def take(cls, given: dict[str, Any]) -> Sending:
        """Take them out of `given`, where the command has them. Raises UsageError."""
        found = cls(**{one.name: given.pop(one.name) for one in fields(cls) if one.name in given})
        if found.journal_bodies and not found.journal:
            raise click.UsageError("--journal-bodies says what --journal FILE is to hold: give that too")
        return found


@dataclass
class Context:
    """What every command works with."""

    folder: Path
    output: Output
    target: str | None
    variables: Mapping[str, str]
    sending: Sending

    def declared(self) -> Declared:
        """What the files declare, for commands without a server."""
        from reconciler.declared import Declared  # noqa: PLC0415

        declared = Declared(self.folder, self.target, self.variables)
        self.output.sources = declared.sources
        return declared

    def session(self, parallel: int | None = None) -> Session:
        from reconciler.session import Session  # noqa: PLC0415 - not for commands without one

        session = Session(
            self.folder,
            self.target,
            self.variables,
            parallel=parallel,
            timeout=self.sending.timeout,
            journal=self.sending.journal,
            journal_bodies=self.sending.journal_bodies,
            lock=not self.sending.no_lock,
            lock_timeout=self.sending.lock_timeout,
        )
        self.output.sources = session.sources
        session.tell = self.output.waiting
        return session


def command(function: Callable[..., int]) -> click.Command:
    """A command with the common options; it gets a `Context` first. Failures become words and exit codes."""

    @wraps(function)
    def guarded(**given: Any) -> int:
        common = {name: given.pop(name) for name in _COMMON}
        folder = common["manifests"] or default_folder()
        shown = "" if folder == Path() else f"{folder.as_posix()}/"
        output = Output(common["color"], common["quiet"], common["verbose"], shown)
        context = Context(folder, output, common["target"], _variables(common["var"]), Sending.take(given))
        return _guard(lambda: function(context, **given), output)

    name = function.__module__.rpartition(".")[2]
    made: click.Command = click.command(name, help=function.__doc__)(_common(guarded))
    made.params = [*[p for p in made.params if p.name not in _COMMON], *[p for p in made.params if p.name in _COMMON]]
    return made


def _globs(name: str, words: str) -> Callable[[F], F]:
    """An option with globs on addresses."""
    words = f"{words} May be given several times."
    return click.option(name, multiple=True, metavar="GLOB", help=words, shell_complete=complete.addresses)


only = _globs("--only", "Only addresses like this, and what they need.")
exclude = _globs("--exclude", "Not addresses like this.")


def planning(function: F) -> F:
    """The options of plan and apply."""
    for option in reversed(
        [
            only,
            exclude,
            click.option("--no-delete", is_flag=True, help="Leave out deletions."),
            click.option(
                "--replace",
                multiple=True,
                metavar="ADDRESS",
                help="Make this run or logged model anew. May be given several times.",
                shell_complete=complete.addresses,
            ),
            click.option(
                "--on-conflict",
                type=click.Choice(["apply", "fail"]),
                help="What to do where the manifest and the server have both changed, or both have a first value. "
                "Default: apply.",
            ),
            click.option("--allow-delete", type=int, metavar="N", help="Allow exactly N deletions."),
            parallel,
        ]
    ):
        function = option(function)
    return function


def sending(function: F) -> F:
    """The options of every command that talks to a server. They reach its `Context.session()`, not the function."""
    for option in reversed(
        [
            click.option(
                "--timeout",
                type=Duration(),
                default=Sending().timeout,
                metavar="SECONDS",
                help="How long one request is tried in all: 90, 30s, 5m, 1h. Default: 60s.",
            ),
            click.option(
                "--journal",
                type=click.Path(path_type=Path),
                metavar="FILE",
                help="Append a line of JSON for each request that is sent.",
            ),
            click.option("--journal-bodies", is_flag=True, help="What is sent also stands there; secrets do not."),
        ]
    ):
        function = option(function)
    return function


def locking(function: F) -> F:
    """The options of commands that take the stack's lock; they too reach `Context.session()`."""
    for option in reversed(
        [
            click.option(
                "--lock-timeout",
                type=Duration(least=0.0),
                default=Sending().lock_timeout,
                metavar="SECONDS",
                help="How long to wait for somebody else who holds the stack's lock: 90, 30s, 5m. Default: 0.",
            ),
            click.option("--no-lock", is_flag=True, help="Do without the stack's lock."),
        ]
    ):
        function = option(function)
    return function


parallel = click.option(
    "--parallel",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Requests at once. Default: that of the target, else of its backend.",
)
confirmed = click.option(
    "--yes",
    "--auto-approve",
    "yes",
    is_flag=True,
    help="Do not ask. Without it and without a terminal, nothing is done.",
)


def formats(*names: str) -> Callable[[F], F]:
    """The option --format with the formats of a command, the first of which is the default."""
    every = f"{', '.join(names[:-1])} or {names[-1]}"
    words = f"{every}, to stdout or a file; may be given several times. Default: {names[0]}."
    completer = complete.formats(names)
    return click.option(
        "--format", "formats", multiple=True, metavar="NAME[=FILE]", shell_complete=completer, help=words
    )


def plan_options(session: Session, *, destroy: bool = False, **given: Any) -> Options:
    """The planner's options from those of the command line."""
    from reconciler.core import planner  # noqa: PLC0415
    from reconciler.core.address import Address  # noqa: PLC0415
    from reconciler.core.guard import Safety  # noqa: PLC0415
    from reconciler.core.select import Selection  # noqa: PLC0415

    try:
        replaced = frozenset(Address.parse(text) for text in given.get("replace", ()))
    except ValueError as problem:
        raise click.BadParameter(str(problem), param_hint="--replace") from None
    return planner.Options(
        selection=Selection(given.get("only", ()), given.get("exclude", ()), given.get("no_delete", False)),
        safety=Safety(session.config.safety.max_delete_percent, given.get("allow_delete")),
        replace=replaced,
        on_conflict=given.get("on_conflict") or "apply",
        destroy=destroy,
    )


def default_folder() -> Path:
    return Path("manifests") if Path("manifests").is_dir() else Path()


_COMMON = ("manifests", "target", "var", "color", "quiet", "verbose")


def _common(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        [
            click.option(
                "--manifests",
                type=click.Path(path_type=Path),
                metavar="DIR",
                shell_complete=complete.folders,
                help="The stack's folder. Default: manifests/ where that exists, else the current folder.",
            ),
            click.option(
                "--target",
                metavar="NAME",
                shell_complete=complete.targets,
                help="A target of reconciler.yaml. Default: its default one.",
            ),
            click.option(
                "--var",
                multiple=True,
                metavar="K=V",
                shell_complete=complete.variables,
                help="Give a variable a value. May be given several times.",
            ),
            click.option(
                "--color",
                type=click.Choice(["auto", "always", "never"]),
                default="auto",
                help="auto obeys NO_COLOR and FORCE_COLOR. Default: auto.",
            ),
            click.option("-q", "--quiet", is_flag=True, help="Of a plan only the counts; no progress."),
            click.option("-v", "--verbose", is_flag=True, help="Of a plan also the method and path of each request."),
        ]
    ):
        function = option(function)
    return function


def _variables(given: tuple[str, ...]) -> dict[str, str]:
    for text in given:
        if "=" not in text:
            raise click.BadParameter(f"'{text}' is not NAME=VALUE", param_hint="--var")
    return dict(text.split("=", 1) for text in given)


def _guard(work: Callable[[], int], output: Output) -> int:
    """What `work` returns, or the exit code for the way in which it failed."""
    from reconciler.runtime.errors import RequestFailed, Unauthorized  # noqa: PLC0415

    try:
        return work()
    except Failed as failed:
        output.told(failed.diagnostics)
        return REFUSED if any(one.code in REFUSALS for one in failed.diagnostics) else ERROR
    except RequestFailed as failed:
        output.told([error(failed.finding, str(failed), hint=failed.hint)])
        return CREDENTIALS if isinstance(failed, Unauthorized) else ERROR
