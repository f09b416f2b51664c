"""One job of a pipeline on any forge: runs reconciler, says below the change or in an issue how it ended."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import FrameType

from forge import Change, Forge, Note, Refused, Unavailable

from reconciler.cli.exits import DONE, DRIFT, ERROR, PARTIAL, REFUSED, USAGE
from reconciler.report.markdown.page import code

PLAN, PAGE, REPORT, HEAD = "plan.json", "plan.html", "report.md", "head"
MODES = ("validate", "plan", "apply", "drift")
ENDINGS: Mapping[int, str] = {
    PARTIAL: "Open another {request} (an empty commit is enough): its plan shows what is left to do.",
    REFUSED: "Nothing was written. Open another {request} (an empty commit is enough): "
    "its plan shows what is to be done by now.",
}
"""How to go on after an apply, by its exit code."""
DRIFTED = (
    "\nAn apply puts back what the manifests say; `reconciler import --refresh` takes what is on the server into the "
    "manifests. This issue is updated by each run, and closed when there is no drift any more.\n"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a job is to do.

    Attributes:
        manifests, target: which stack, and where; '' is the default target.
        arguments: further ones for reconciler.
        notes: whether to write to the change or an issue; `label`: of that issue.
        folder: where what is saved and reported is written.
    """

    mode: str
    manifests: str
    target: str
    arguments: tuple[str, ...]
    notes: bool
    label: str
    folder: Path

    @classmethod
    def of(cls, environ: Mapping[str, str], folder: Path) -> Settings:
        """From the variables `RECONCILER_...`. Exits with 64 where one is wrong."""
        mode, notes = environ["RECONCILER_MODE"], environ.get("RECONCILER_COMMENT", "true")
        if mode not in MODES:
            _usage(f"mode is '{mode}', and has to be one of {', '.join(MODES)}")
        if notes not in {"true", "false"}:
            _usage(f"comment is '{notes}', and has to be true or false")
        manifests, target = environ.get("RECONCILER_MANIFESTS") or "manifests", environ.get("RECONCILER_TARGET", "")
        arguments = (line.strip() for line in environ.get("RECONCILER_ARGUMENTS", "").splitlines())
        label = environ.get("RECONCILER_LABEL") or "reconciler-drift"
        own = folder / _name(manifests, target)
        return cls(mode, manifests, target, tuple(filter(None, arguments)), notes == "true", label, own)

    @property
    def name(self) -> str:
        """The name of what is saved; another stack or target has another one."""
        return _name(self.manifests, self.target)

    @property
    def words(self) -> str:
        return f"{code(self.manifests)} on {code(self.target)}" if self.target else code(self.manifests)

    def marker(self, mode: str) -> str:
        """The first line of what is written for this stack and target, by which it is found again; nobody sees it."""
        return f"<!-- {_name(self.manifests, self.target)} {mode} -->"


@dataclass(frozen=True, slots=True)
class Done:
    """How a job ended: with which exit code, the Markdown of it, and the folder with the plan if one was saved."""

    code: int
    report: str
    folder: Path | None = None
    name: str = ""

    def outputs(self, head: str) -> dict[str, str]:
        """What later steps can use."""
        found = {"exit-code": str(self.code)}
        if not self.folder:
            return found
        changes = any(count for name, count in summary(self.folder / PLAN).items() if name != "noop")
        found |= {"changes": str(changes).lower(), "plan": str(self.folder / PLAN)}
        return found | {"page": str(self.folder / PAGE), "artifact": f"{self.name}-{head}"}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Runs one job."""

    settings: Settings
    forge: Forge
    environ: Mapping[str, str]

    def run(self) -> Done:
        """Do what the mode says."""
        self.settings.folder.mkdir(parents=True, exist_ok=True)
        for file in self.settings.folder.iterdir():
            file.unlink()
        try:
            match self.settings.mode:
                case "plan":
                    return self.plan()
                case "apply":
                    return self.apply()
                case "drift":
                    return self.drift()
                case _:
                    return self.validate()
        except Refused as refused:
            return self._not_begun(REFUSED, refused)
        except Unavailable as problem:
            return self._not_begun(ERROR, problem)

    def validate(self) -> Done:
        ended = self._reconciler("validate")
        return Done(ended, self._report(ended))

    def plan(self) -> Done:
        """Plan, save the plan, and say below the change what it does."""
        folder = self.settings.folder
        ended = self._reconciler("plan", "--out", folder / PLAN, "--format", f"html={folder / PAGE}")
        saved = (folder / PLAN).is_file()
        digest = _digest((folder / PLAN).read_bytes()) if saved else ""
        report = self._report(ended, digest)
        if change := self.forge.change():
            (folder / HEAD).write_text(change.head, encoding="utf-8")
            self._note(change, f"{self.settings.marker('plan')}\n{_seal(change.head, digest)}\n{report}")
        return Done(ended, report, folder if saved else None, self.settings.name)

    def apply(self) -> Done:
        """Apply exactly the plan that was saved for the change which this commit merged."""
        change = self.forge.merged()
        content = self.forge.saved_plan(change, self.settings.name)
        self._compare(change, content)
        plan = self.settings.folder / PLAN
        plan.write_bytes(content)
        ended = self._reconciler("apply", plan, "--yes")
        report = self._report(ended, _digest(content), self._how_to_go_on(ended))
        self._note(change, f"{self.settings.marker('apply')}\n{report}")
        return Done(ended, report, self.settings.folder, self.settings.name)

    def drift(self) -> Done:
        """One issue says what drifted, for as long as something has."""
        ended = self._reconciler("drift")
        report = self._report(ended, more=DRIFTED if ended == DRIFT else "")
        if self.settings.notes and ended in {DONE, DRIFT}:
            try:
                self._issue(report, drifted=ended == DRIFT)
            except Unavailable as problem:
                self.forge.warn(f"the issue about drift was not written: {problem}")
        return Done(ended, report)

    def _issue(self, report: str, *, drifted: bool) -> None:
        body = f"{self.settings.marker('drift')}\n{report}"
        issue = self._ours(self.forge.issues(self.settings.label), "drift")
        if issue and drifted:
            self.forge.edit_issue(issue, body)
        elif issue:
            self.forge.close_issue(issue, f"No drift any more. [Log]({self.forge.run})")
        elif drifted:
            target = f" on {self.settings.target}" if self.settings.target else ""
            self.forge.open_issue(f"Drift: {self.settings.manifests}{target}", body, self.settings.label)

    def _compare(self, change: Change, content: bytes) -> None:
        """What is applied is what the change's note shows. Raises Refused."""
        if not self.settings.notes:
            return
        note = self._ours(self.forge.notes(change), "plan")
        if not note:
            self.forge.warn(f"{change.words} has no note with its plan: what was saved for it is applied unseen")
        # the second line alone counts: further down stands what is quoted
        elif note.body.splitlines()[1:2] != [_seal(change.head, _digest(content))]:
            raise Refused(f"the plan that was saved for {change.words} is not the one that its note shows")

    def _note(self, change: Change, body: str) -> None:
        """Write one note in place of the one before. Whoever may not write one, as on a fork, still has the log."""
        if not self.settings.notes:
            return
        try:
            note = self._ours(self.forge.notes(change), self.settings.mode)
            if note:
                self.forge.edit_note(change, note, body)
            else:
                self.forge.add_note(change, body)
        except Unavailable as problem:
            self.forge.warn(f"nothing was written below {change.words}: {problem}")

    def _ours(self, notes: Iterable[Note], mode: str) -> Note | None:
        return next((note for note in notes if note.body.startswith(self.settings.marker(mode))), None)

    def _not_begun(self, ended: int, problem: Exception) -> Done:
        self.forge.warn(str(problem))
        more = self._how_to_go_on(ended)
        return Done(ended, f"### {self.settings.mode.capitalize()}: not begun\n\n{code(str(problem))}\n{more}")

    def _how_to_go_on(self, ended: int) -> str:
        return f"\n{ENDINGS[ended]}\n".format(request=self.forge.request) if ended in ENDINGS else ""

    def _report(self, ended: int, digest: str = "", more: str = "") -> str:
        """What reconciler wrote, and below it which stack, plan and run that is about."""
        file = self.settings.folder / REPORT
        title = f"### {self.settings.mode.capitalize()} ended with exit code {ended}\n\nThe log says why.\n"
        text = file.read_text(encoding="utf-8") if file.is_file() else title
        plan = f" · plan {code(digest[:19])}" if digest else ""
        return f"{text}{more}\n{self.settings.words}{plan} · [log]({self.forge.run})\n"

    def _reconciler(self, command: str, *arguments: str | Path) -> int:
        """Run it. What it prints goes to the log; what stops this job stops it, and is waited for."""
        program = [sys.executable, "-P", "-m", "reconciler"]  # -P: no module is taken from the checkout
        line = [*program, command, *map(str, arguments), *self._options()]
        self.forge.begin()
        try:
            with subprocess.Popen(line, env=self._environment()) as process:  # noqa: S603

                def pass_on(number: int, _: FrameType | None) -> None:
                    process.send_signal(number)

                before = {one: signal.signal(one, pass_on) for one in (signal.SIGINT, signal.SIGTERM)}
                try:
                    return process.wait()
                finally:
                    for one, handler in before.items():
                        signal.signal(one, handler)
        finally:
            self.forge.end()

    def _options(self) -> list[str]:
        target = ["--target", self.settings.target] if self.settings.target else []
        report = ["--format", "text", "--format", f"markdown={self.settings.folder / REPORT}"]
        return ["--manifests", self.settings.manifests, *target, *report, *self.settings.arguments]

    def _environment(self) -> dict[str, str]:
        """Ours, without what manifests have no business with: `${env.X}` in one reads any variable."""
        return {name: value for name, value in self.environ.items() if name not in self.forge.tokens}


def _name(manifests: str, target: str) -> str:
    """A name that fits an artifact, a folder and a comment of HTML, and is another one for each stack and target."""
    digest = sha256(f"{manifests}\0{target}".encode()).hexdigest()[:8]
    plain = re.sub(r"[^A-Za-z0-9]+", "-", f"{manifests}-{target}").strip("-")[:60].rstrip("-")
    return f"reconciler-{plain}-{digest}"


def _digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def _seal(head: str, digest: str) -> str:
    """The second line of a note: which plan it shows, and of which commit."""
    return f"<!-- {head} {digest or 'no plan'} -->"


def summary(plan: Path) -> dict[str, int]:
    """How many resources each action of a saved plan meets."""
    found: dict[str, int] = json.loads(plan.read_text(encoding="utf-8"))["summary"]
    return found


def _usage(words: str) -> None:
    print(f"error: {words} [usage]", file=sys.stderr)
    sys.exit(USAGE)
