"""Small files that stand for very much are refused in bounded time and memory."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.e2e.tools import outside

SECONDS, MEGABYTES = 10, 500


def aliases(width, levels, leaf):
    """`levels` lists, each of `width` aliases of the one before."""
    lines = [f"l0: &l0 [{', '.join([leaf] * width)}]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


BOMBS = {
    "a billion laughs": aliases(10, 9, "lol"),
    "a hundred megabytes": aliases(100, 3, "x" * 100) + "experiments: {a: {tags: *l2}}\n",
    "maps within maps": "".join(
        f"m{n}: &m{n} {{{', '.join(f'k{k}: *m{n - 1}' for k in range(10))}}}\n" if n else "m0: &m0 {a: b}\n"
        for n in range(9)
    ),
    "merges": "".join(
        f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 50)}], k{n}: v}}\n" if n else "m0: &m0 {a: b}\n"
        for n in range(12)
    ),
    "one long text many times": f"a: &a {'x' * 1_000_000}\nexperiments:\n  b:\n    tags:\n"
    + "".join(f"      t{n}: *a\n" for n in range(100)),
    "a for_each": f"experiments:\n  a:\n    for_each: [{', '.join(map(str, range(30_000)))}]\n    tags:\n"
    + "".join(f"      t{n}: v\n" for n in range(1000)),
    "a long item many times": f"experiments:\n  a:\n    for_each: {{x: {'x' * 500_000}}}\n    tags:\n"
    + "".join(f"      t{n}: '{'${each.value}' * 100}'\n" for n in range(500)),
    "brackets": "[" * 1_000_000,
    "a deep block": "".join(f"{' ' * n}a:\n" for n in range(3000)),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_in_bounded_time_and_memory(bomb, shell, fake):
    shell.manifest(BOMBS[bomb])
    start = time.monotonic()
    process = subprocess.run(
        [sys.executable, "-c", _MEASURED, "plan"],
        cwd=shell.folder,
        env=outside(),
        capture_output=True,
        timeout=60,
        encoding="utf-8",
        check=False,
    )
    assert process.returncode == 1, process.stderr[:2000]
    assert ": error: " in process.stderr
    assert "Traceback" not in process.stderr
    assert len(process.stderr) < 100_000
    assert time.monotonic() - start < SECONDS
    assert int(process.stderr.rpartition("peak ")[2]) < MEGABYTES
    assert [request.path for request in fake.requests] in (
        [],
        ["experiments/search"],
    )  # what is large is read while the server answers


_MEASURED = """
import atexit, resource, sys
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
atexit.register(lambda: print("peak", peak(), file=sys.stderr))
sys.argv[0] = "reconciler"
from reconciler.cli import main
main()
"""


def test_aliases_within_bounds_work(shell, server):
    shell.apply("experiments:\n  a: &a {tags: &t {team: risk}}\n  b: {<<: *a, name: bee}\n  c: {tags: *t}\n")
    assert {one["tags"]["team"] for one in server.experiments().values()} == {"risk"}
    assert "No changes" in shell("plan").out
