"""What an apply says while it runs, in a pipe and on a terminal; and how it ends when it is stopped or a step fails."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from reconciler.report.fold import columns
from tests.e2e.tools import outside, sending, writes
from tests.fakes.mlflow import Fault

STACK = """\
experiments:
  a: {tags: {t: '1'}}
  b: {tags: {t: '1'}}
runs:
  in-a: {experiment: a, params: {p: x}}
  in-b: {experiment: b, params: {p: x}}
logged_models:
  m: {experiment: a, source_run: in-a}
"""
GOLDEN = Path(__file__).parents[1] / "golden"
ESCAPE = "\x1b["
REFUSED = Fault(status=400, body={"error_code": "INVALID_PARAMETER_VALUE", "message": "no more room"})
"""What is not worth trying again."""


def on_a_terminal(shell, *arguments, typed="", interrupt_at="", **environment):
    """Run a command on a pseudo terminal; what it showed, and its exit code. Ctrl-C once `interrupt_at` is shown."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=shell.folder,
        env={**outside(), "TERM": "xterm-256color", **environment},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    os.write(controller, typed.encode())
    shown, deadline = b"", time.monotonic() + 30
    try:
        while part := _read(controller, deadline):
            shown += part
            if interrupt_at and interrupt_at.encode() in shown:
                time.sleep(0.3)  # Python misses a signal between its last look and its waiting for input
                process.send_signal(signal.SIGINT)
                interrupt_at = ""
        return shown.decode(), process.wait(timeout=10)
    finally:
        process.kill()
        process.wait()
        os.close(controller)


def _read(controller, deadline):
    """The next bytes; none where the other end is closed, which on Linux is an error."""
    ready, _, _ = select.select([controller], [], [], max(0, deadline - time.monotonic()))
    assert ready, "nothing was shown for too long"
    try:
        return os.read(controller, 65536)
    except OSError:
        return b""


class TestInAPipe:
    def test_one_line_per_step_on_stderr(self, shell):
        shell.manifest(STACK)
        result = shell.run("apply", "--yes", "--parallel", "1")
        lines = result.err.splitlines()
        assert len(lines) == 5
        assert [line.split()[1] for line in lines] == [
            *("experiments.a", "experiments.b"),
            *("runs.in-a", "logged_models.m", "runs.in-b"),
        ]
        assert all("  done  id " in line for line in lines)
        assert result.out.endswith("Apply complete: 5 done.\n")

    def test_no_escape_codes(self, shell):
        shell.manifest(STACK)
        for command in (("plan",), ("plan", "-v"), ("apply", "--yes"), ("explain", "runs.in-a"), ("backends",)):
            result = shell.run(*command)
            assert ESCAPE not in result.out + result.err
        shell.manifest("experiments: [\n")
        assert ESCAPE not in shell.run("plan", code=1).err

    @pytest.mark.parametrize(
        ("arguments", "environment", "colored"),
        [
            ((), {"FORCE_COLOR": "1"}, True),
            (("--color", "always"), {}, True),
            (("--color", "always"), {"NO_COLOR": "1"}, True),
            (("--color", "never"), {"FORCE_COLOR": "1"}, False),
            ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
            ((), {"NO_COLOR": "", "FORCE_COLOR": ""}, False),
        ],
        ids=str,
    )
    def test_who_decides_about_colours(self, arguments, environment, colored, shell):
        shell.manifest(STACK)
        assert (ESCAPE in shell.run("plan", *arguments, **environment).out) == colored
        shell.manifest("experiments: [\n")
        assert (ESCAPE in shell.run("plan", *arguments, code=1, **environment).err) == colored

    def test_json_has_no_colours_even_where_they_are_forced(self, shell):
        shell.manifest(STACK)
        assert json.loads(shell.run("plan", "--format", "json", "--color", "always").out)["format"] == 1

    def test_a_file_has_no_colours_even_where_they_are_forced(self, shell):
        shell.manifest(STACK)
        shell.run("plan", "--format", "text=plan.txt", "--color", "always")
        assert ESCAPE not in (shell.folder / "plan.txt").read_text()

    def test_a_reader_that_goes_away_is_no_crash(self, shell):
        """As in `reconciler plan | head -1`."""
        shell.manifest("experiments:\n" + "".join(f"  e{n}: {{description: {'x' * 100}}}\n" for n in range(2000)))
        with shell.spawn("plan") as process:
            assert process.stdout.readline()
            process.stdout.close()
            assert "Traceback" not in process.stderr.read()
            assert "Exception ignored" not in process.stderr.read()


class TestOnATerminal:
    def test_an_apply_asks_shows_a_bar_and_does(self, shell, server):
        shell.manifest(STACK)
        shown, code = on_a_terminal(shell, "apply", typed="y\n")
        assert code == 0, shown
        assert "Apply this to the target 'local' at http://127.0.0.1:" in shown
        assert "5 done" in shown
        assert ESCAPE in shown
        assert "Traceback" not in shown
        assert len(server.experiments()) == 2

    def test_the_bar_moves(self, shell, fake):
        fake.fault = lambda *_: time.sleep(0.15)
        shell.manifest(STACK)
        shown, code = on_a_terminal(shell, "apply", "--yes", "--parallel", "1")
        assert code == 0
        assert "1/5" in shown
        assert "━" in shown
        assert "experiments.a" in shown

    def test_n_writes_nothing(self, shell, fake):
        shell.manifest(STACK)
        shown, code = on_a_terminal(shell, "apply", typed="n\n")
        assert code == 1
        assert "nothing was written" in shown
        assert writes(fake) == []

    def test_a_plan_fits_80_columns(self, shell):
        """As a pipe has it, but for line ends and blanks."""
        plan = str(GOLDEN / "large-mixed" / "plan.json")
        shown, code = on_a_terminal(shell, "show", plan, NO_COLOR="1", COLUMNS="80")
        assert code == 0
        assert shown.split() == shell("show", plan).out.split()
        lines = shown.splitlines()
        assert len(lines) > 326
        assert [line for line in lines if columns(line) > 80] == []

    def test_no_color_is_honoured(self, shell):
        shell.manifest(STACK)
        shown, code = on_a_terminal(shell, "plan", NO_COLOR="1")
        assert code == 0
        assert ESCAPE not in shown

    def test_a_dumb_terminal_gets_no_escapes(self, shell):
        shell.manifest(STACK)
        shown, _ = on_a_terminal(shell, "plan", TERM="dumb")
        assert ESCAPE not in shown

    def test_no_color_leaves_the_bar_without_colours(self, shell):
        shell.manifest(STACK)
        shown, code = on_a_terminal(shell, "apply", "--yes", NO_COLOR="1")
        assert code == 0
        for color in range(30, 38):
            assert f"\x1b[{color}m" not in shown

    def test_ctrl_c_at_the_question_writes_nothing(self, shell, fake):
        shell.manifest(STACK)
        shown, code = on_a_terminal(shell, "apply", interrupt_at="[y/N]")
        assert code in (1, 130), shown
        assert "nothing was written" in shown
        assert writes(fake) == []

    def test_ctrl_c_at_the_question_exits_as_interrupted(self, shell):
        shell.manifest(STACK)
        _, code = on_a_terminal(shell, "apply", interrupt_at="[y/N]")
        assert code == 130


def blocking(fake, path):
    """Makes the fake hold requests to `path` back; what says that one is there, and what lets them go on."""
    arrived, free = threading.Event(), threading.Event()

    def wait(_, __, short):
        if short == path:
            arrived.set()
            assert free.wait(30)

    fake.fault = wait
    return arrived, free


class TestInterrupted:
    def test_what_is_under_way_is_finished_and_all_is_reported(self, shell, fake, server):
        arrived, free = blocking(fake, "runs/create")
        shell.manifest(STACK)
        with shell.spawn("apply", "--yes", "--parallel", "1") as process:
            assert arrived.wait(30)
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
            free.set()
            out, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "Traceback" not in out + err
        assert "Stopping: requests under way are finished" in err
        report = out[out.index("Plan: ") :]
        assert "2 done, 1 failed, 2 not attempted" in report
        assert "runs.in-a  failed" in report
        assert "interrupted" in report
        assert "runs.in-b  not attempted" in report
        assert "logged_models.m  not attempted" in report
        assert len(server.experiments()) == 2
        assert len(server.runs()) == 1

    def test_the_next_apply_goes_on_from_there(self, shell, fake, server):
        arrived, free = blocking(fake, "runs/create")
        shell.manifest(STACK)
        with shell.spawn("apply", "--yes", "--parallel", "1") as process:
            assert arrived.wait(30)
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)
            free.set()
            process.communicate(timeout=30)
        fake.fault = None
        shell("apply", "--yes")
        assert sorted((name, len(found)) for name, found in server.runs().items()) == [("in-a", 1), ("in-b", 1)]
        assert server.run("in-a")["params"] == {"p": "x"}
        assert "No changes" in shell("plan").out

    def twice(self, shell, arrived):
        """Start an apply, press Ctrl-C twice."""
        shell.manifest(STACK)
        with shell.spawn("apply", "--yes", "--parallel", "1") as process:
            assert arrived.wait(30)
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
        return process.returncode, out, err

    def test_a_second_ctrl_c_ends_it_at_once(self, shell, fake):
        arrived, free = blocking(fake, "runs/create")
        code, out, err = self.twice(shell, arrived)
        free.set()
        assert code != 0
        assert "Traceback" not in out + err

    def test_a_second_ctrl_c_does_not_say_that_nothing_was_written(self, shell, fake):
        arrived, free = blocking(fake, "runs/create")
        code, _, err = self.twice(shell, arrived)
        free.set()
        assert len(writes(fake)) == 3
        assert "nothing was written" not in err
        assert code == 130

    def interrupted_plan(self, shell, fake):
        arrived, free = blocking(fake, "experiments/search")
        shell.manifest(STACK)
        with shell.spawn("plan") as process:
            assert arrived.wait(30)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
        free.set()
        assert "Traceback" not in out + err
        return process.returncode, err

    def test_a_plan_can_be_interrupted(self, shell, fake):
        code, err = self.interrupted_plan(shell, fake)
        assert code != 0
        assert "nothing was written" in err

    def test_an_interrupted_plan_exits_as_interrupted(self, shell, fake):
        assert self.interrupted_plan(shell, fake)[0] == 130


class TestAFailingStep:
    def test_what_needs_it_is_not_attempted_and_the_rest_is_done(self, shell, fake, server):
        shell.manifest(STACK)
        once = iter([True])
        fake.fault = lambda _, __, path: REFUSED if path == "runs/create" and next(once, False) else None
        result = shell("apply", "--yes", "--parallel", "1", code=4)
        assert "+ runs.in-a  failed  400 INVALID_PARAMETER_VALUE: no more room" in result.out
        assert "+ logged_models.m  not attempted  needs runs.in-a, which failed" in result.out
        assert "Apply: 3 done, 1 failed, 1 not attempted. Plan again: it goes on from here." in result.out
        assert "+ runs.in-b  done" in result.err
        assert list(server.runs()) == ["in-b"]
        plan = json.loads(shell("plan", "--format", "json").out)
        assert [step["address"] for step in plan["steps"]] == ["runs.in-a", "logged_models.m"]
        assert "2 done" in shell("apply", "--yes").out
        assert "No changes" in shell("plan").out

    def test_a_step_that_fails_half_way_is_finished_by_the_next_apply(self, shell, fake, server):
        """The run is made, with its mark, before its params are logged."""
        shell.manifest(STACK)
        once = iter([True])
        fake.fault = lambda _, __, path: REFUSED if path == "runs/log-batch" and next(once, False) else None
        shell("apply", "--yes", "--parallel", "1", code=4)
        fake.fault = None
        made = server.run("in-a")["run_id"]
        assert "params.p" in shell("plan").out
        shell("apply", "--yes")
        assert server.run("in-a")["run_id"] == made
        assert server.run("in-a")["params"] == {"p": "x"}
        assert "No changes" in shell("plan").out

    def test_a_server_that_dies_during_an_apply(self, shell, fake):
        shell.manifest(STACK)
        seen = []

        def die(_, __, path):
            seen.append(path)
            return Fault(status=503, body="<html>down</html>") if "experiments/create" in seen else None

        fake.fault = die
        result = shell("apply", "--yes", "--parallel", "1", "--timeout", "1", code=4)
        assert "0 done, 2 failed, 3 not attempted" in result.out
        assert "<html>" not in result.out

    def test_a_delete_that_fails_keeps_what_holds_it(self, shell, fake, server):
        shell.apply(STACK)
        fake.fault = lambda _, __, path: REFUSED if path == "runs/delete" else None
        result = shell("destroy", "--yes", code=4)
        assert "experiments.a  destroy; all its runs go with it  not attempted  needs runs.in-a" in result.out
        assert {one["lifecycle_stage"] for one in server.experiments().values()} == {"active"}
        fake.fault = None
        shell("destroy", "--yes")
        assert {one["lifecycle_stage"] for one in server.experiments().values()} == {"deleted"}

    def test_a_failure_is_told_once_where_it_happened_and_once_in_the_sum(self, shell, fake):
        shell.manifest(STACK)
        fake.fault = lambda _, __, path: REFUSED if path == "experiments/create" else None
        with sending(fake) as sent:
            result = shell("apply", "--yes", code=4)
        assert len(sent.paths) == 2
        assert result.err.count("experiments.a  failed") == 1
        assert result.out.count("experiments.a  failed") == 1


class TestALostReply:
    """The server did the work and its answer never came: what is made must be made once."""

    @pytest.mark.parametrize("path", ["experiments/create", "runs/create", "logged-models", "runs/log-batch"])
    def test_each_thing_is_there_once_in_the_end(self, path, shell, fake, server):
        shell.manifest(STACK)
        once = iter([True])
        fake.fault = lambda _, __, short: Fault.lost() if short == path and next(once, False) else None
        first = shell("apply", "--yes", code=None)
        assert first.code in (0, 4)
        fake.fault = None
        shell("apply", "--yes")
        assert sorted(server.experiments()) == ["a", "b"]
        assert sorted((name, len(found)) for name, found in server.runs().items()) == [("in-a", 1), ("in-b", 1)]
        assert [len(found) for found in server.models().values()] == [1]
        assert "No changes" in shell("plan").out

    def test_points_of_a_series_are_logged_once(self, shell, fake, server):
        shell.manifest("experiments: {a: }\nruns:\n  r: {experiment: a, metrics: {loss: [{step: 0, value: 1}]}}\n")
        once = iter([True])
        fake.fault = lambda _, __, short: Fault.lost() if short == "runs/log-batch" and next(once, False) else None
        shell("apply", "--yes", code=None)
        shell("apply", "--yes")
        assert server.points("r", "loss") == [(0, 1.0)]
        assert "No changes" in shell("plan").out
