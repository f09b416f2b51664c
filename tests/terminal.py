"""Interactive shells on a pseudo-terminal: a line is typed, Tab is pressed, and what stands there then is read."""

from __future__ import annotations

import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SECONDS = 30
_KEY = "\x18\x02"  # Ctrl-X Ctrl-B: whatever is on the line goes into a file
_SHELLS = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        r"""PS1=; eval "$(reconciler completion bash)"
        bind -x '"\C-x\C-b": printf %s "$READLINE_LINE" > line.new; mv line.new line'""",
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        """PS1=; autoload -Uz compinit; compinit -u -D; eval "$(reconciler completion zsh)"
        keep() { print -rn -- "$BUFFER" > line.new; mv line.new line }; zle -N keep; bindkey "^X^B" keep""",
    ),
}


def environment(folder: Path) -> dict[str, str]:
    """That of a person in `folder`, with the program on the path."""
    root = str(Path(__file__).parents[1])
    place = folder / "bin"
    place.mkdir(exist_ok=True)
    program = place / "reconciler"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m reconciler "$@"\n')
    program.chmod(0o755)
    return {
        "PATH": f"{place}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": root,
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
    }


def needed(shell: str) -> None:
    """Skips the test where that shell is not there."""
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")


def tabbed(shell: str, line: str, folder: Path) -> str:
    """What stands on the line of an interactive `shell` in `folder` after `line` and Tab."""
    needed(shell)
    command, setup = _SHELLS[shell]
    with _started(command, folder) as terminal:
        _type(terminal, f"{setup}; touch ready\n", folder / "ready")
        _type(terminal, f"{line}\t{_KEY}", folder / "line")
    return (folder / "line").read_text()


def offered_by_fish(line: str, folder: Path) -> list[str]:
    """What fish has for the end of `line`, without the words about it."""
    needed("fish")
    script = f"reconciler completion fish | source; complete -C {shlex.quote(line)}"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    assert done.stderr == ""
    return [row.partition("\t")[0] for row in done.stdout.splitlines()]


@contextmanager
def _started(command: list[str], folder: Path) -> Iterator[int]:
    """The shell's terminal, as a descriptor; the shell is killed in the end."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment(folder),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _type(terminal: int, text: str, sign: Path) -> None:
    """Type `text`, and read what is printed until the file `sign` is there."""
    os.write(terminal, text.encode())
    printed, end = b"", time.monotonic() + SECONDS
    while not sign.exists():
        assert time.monotonic() < end, printed.decode(errors="replace")
        if select.select([terminal], [], [], 0.05)[0]:
            printed += os.read(terminal, 65536)
