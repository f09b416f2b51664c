"""The GitHub action: its steps are run as they stand, on a checkout, an MLflow, and a GitHub in memory."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from tests.e2e.tools import ROOT, sending
from tests.fakes.github import BOT, TOKEN, FakeGitHub
from tests.fakes.mlflow import Fault
from tests.pipelines.steps import ACTION, Runner
from tests.tally import ALL
from tests.unit.test_report_markdown import check_inert

STACK = "experiments:\n  fraud: {tags: {team: ml}}\n"
EDITED = "experiments:\n  fraud: {tags: {team: risk}}\n"
HEAD, MERGE = "a" * 40, "b" * 40


@pytest.fixture
def github():
    return FakeGitHub()


@pytest.fixture
def runner(shell, tmp_path, github):
    with github.serve() as api:
        yield Runner(shell.folder, tmp_path / "temp", github, api)


@pytest.fixture
def plan(runner, shell, github):
    """Somebody pushes to pull request 7, and its plan is made."""

    def push(manifest, head=HEAD, **inputs):
        shell.manifest(manifest)
        event = {"pull_request": github.pull(7, head)}
        return runner.job(event, "c" * 40, **{"mode": "plan", **inputs})

    return push


@pytest.fixture
def merge(runner, github):
    """Somebody merges pull request 7, and what was reviewed is applied."""

    def push(head=HEAD, **inputs):
        github.pull(7, head, MERGE)
        return runner.job({}, MERGE, mode="apply", **inputs)

    return push


def bodies(github):
    return [one["body"] for one in github.comments.get(7, [])]


class TestPlan:
    def test_a_plan_is_one_comment_and_one_artifact(self, plan, github):
        job = plan(STACK)
        assert job.code == 0
        (body,) = bodies(github)
        assert "### Plan: 1 to create, 0 unchanged" in body
        assert job.summary in body
        (artifact,) = github.artifacts
        assert artifact["name"] == job.outputs["artifact"] == f"reconciler-manifests-{artifact['name'][-49:]}"
        assert (job.outputs["changes"], job.outputs["exit-code"]) == ("true", "0")
        assert json.loads(Path(job.outputs["plan"]).read_text())["summary"]["create"] == 1
        with zipfile.ZipFile(io.BytesIO(github.blobs[artifact["id"]])) as archive:
            assert archive.namelist() == ["plan.json", "plan.html"]

    def test_what_is_pushed_next_is_written_in_its_place(self, plan, github):
        plan(STACK)
        github.comment(7, "looks good", "alice")
        plan(EDITED, "d" * 40)
        plan("experiments: {}\n", "e" * 40)
        first, second = bodies(github)
        assert "### Plan: 0 unchanged" in first
        assert second == "looks good"
        assert len(github.artifacts) == 3

    def test_another_target_and_another_stack_have_comments_of_their_own(self, plan, shell, url, github):
        shell.configure(url, more="  other: {url: 'http://127.0.0.1:1'}\n")
        plan(STACK)
        plan(STACK, target="local")
        plan(STACK, target="local")
        shell.stack("ops", url)
        assert plan(STACK, manifests="stack-ops/manifests").outputs["changes"] == "false"
        assert len(bodies(github)) == 3
        assert sum("`manifests` on `local`" in body for body in bodies(github)) == 1
        assert len({one["name"] for one in github.artifacts}) == 3

    def test_what_looks_like_our_comment_and_was_written_by_somebody_else_is_left_alone(self, plan, github):
        plan(STACK)
        (ours,) = bodies(github)
        github.comments.clear()
        github.comment(7, ours, "mallory")
        plan(EDITED, "d" * 40)
        theirs, new = bodies(github)
        assert theirs == ours
        assert "### Plan: " in new

    def test_errors_are_said_in_place_of_the_plan(self, plan, github):
        plan(STACK)
        job = plan("experiments: {fraud: {tag: {}}}\n", "d" * 40)
        assert job.code == 1
        (body,) = bodies(github)
        assert "### Plan failed: 1 error" in body
        assert "manifests/main.yaml:1:23: error: tag is not known" in body
        assert job.outputs["plan"] == job.outputs["artifact"] == ""
        assert len(github.artifacts) == 1

    def test_a_refused_plan_says_why_and_cannot_be_applied(self, plan, shell, merge, github):
        shell.apply("experiments: {a: {}, b: {}}\n")
        job = plan("experiments: {}\n")
        assert job.code == 5
        (body,) = bodies(github)
        assert "### Plan refused: 1 error" in body
        assert "[safety-threshold]" in body
        assert github.artifacts == []
        assert merge().code == 5

    def test_refused_credentials_and_wrong_arguments_exit_with_their_code(self, plan, fake, github):
        assert plan(STACK, arguments="--nonsense").code == 64
        assert "### Plan ended with exit code 64" in bodies(github)[0]
        fake.fault = lambda *_: Fault(401, {"message": "who are you"})
        assert plan(STACK).code == 6
        assert "[credentials]" in bodies(github)[0]

    def test_arguments_are_lines_and_no_shell_reads_them(self, plan, shell, github):
        job = plan(STACK, arguments="--only\nexperiments.$(touch pwned)\n")
        assert job.code == 1
        assert "experiments.$(touch pwned)" in bodies(github)[0]
        assert plan(STACK, arguments="--detailed-exitcode\n\n--only=experiments.*").code == 2
        assert not (shell.folder / "pwned").exists()

    def test_who_may_not_comment_still_has_a_plan(self, plan, github):
        github.readonly = True
        job = plan(STACK)
        assert job.code == 0
        assert "::warning::nothing was written below pull request #7: POST issues/7/comments: 403" in job.log
        assert "### Plan: 1 to create" in job.summary
        assert bodies(github) == []

    def test_without_a_pull_request_or_a_comment_there_is_the_summary(self, runner, plan, shell, github):
        shell.manifest(STACK)
        assert "### Plan: 1 to create" in runner.job({}, MERGE, mode="plan").summary
        assert "### Plan: 1 to create" in plan(STACK, comment="false").summary
        assert github.comments == {}

    def test_a_comment_has_room_for_a_plan_of_any_size(self, plan, github):
        plan("experiments:\n" + "".join(f"  e{number}: {{description: {'x' * 150}}}\n" for number in range(600)))
        (body,) = bodies(github)
        assert "Not shown, for want of room" in body
        assert len(body) < 65_536
        check_inert(re.sub("<!-- .* -->\n", "", body).replace("[log](https://", "[log](").replace("](", ""))


class TestApply:
    def test_just_the_reviewed_plan_is_applied(self, plan, merge, shell, server, github):
        plan(STACK)
        shell.manifest(EDITED)  # of another pull request, merged first
        job = merge()
        assert job.code == 0
        assert server.experiment("fraud")["tags"]["team"] == "ml"
        planned, applied = bodies(github)
        assert "### Apply complete: 1 done" in applied
        digest = re.search("plan `(sha256:.*?)`", planned)[1]
        assert digest in applied
        assert job.outputs["exit-code"] == "0"

    def test_applied_again_it_says_that_it_is_stale_and_how_to_go_on(self, plan, merge, fake, github):
        plan(STACK)
        merge()
        with sending(fake) as sent:
            job = merge()
        assert job.code == 5
        assert sent.paths == []
        (_, body) = bodies(github)
        assert "### Apply refused: " in body
        assert "[stale-plan]" in body
        assert "Open another pull request (an empty commit is enough)" in body

    def test_what_changed_on_the_server_since_is_not_overwritten(self, plan, merge, shell, server, github):
        shell.apply(STACK)
        plan(EDITED)
        server.tag("fraud", team="theirs")
        assert merge().code == 5
        assert server.experiment("fraud")["tags"]["team"] == "theirs"
        assert "tags.team" in bodies(github)[-1]

    def test_an_apply_that_was_partial_says_what_is_left(self, plan, merge, fake, github):
        plan("experiments: {a: {}, b: {}}\n")
        broken = Fault(400, {"message": "no such luck"})
        fake.fault = lambda *_: broken if (fake.requests[-1].body or {}).get("name") == "b" else None
        assert merge().code == 4
        body = bodies(github)[-1]
        assert "### Apply: 1 done, 1 failed, 0 not attempted" in body
        assert "its plan shows what is left to do" in body

    @pytest.mark.parametrize("how", ["push", "closed"])
    def test_the_pull_request_is_found_by_its_merge_or_in_the_event(self, plan, runner, github, how):
        plan(STACK)
        pull = github.pull(7, HEAD, MERGE)
        github.pull(8, MERGE, "f" * 40)  # which was made on top
        assert runner.job({"pull_request": pull} if how == "closed" else {}, MERGE, mode="apply").code == 0

    def test_without_a_reviewed_plan_nothing_is_applied(self, runner, plan, github, fake):
        plan(STACK)
        with sending(fake) as sent:
            direct = runner.job({}, MERGE, mode="apply")
            closed = runner.job({"pull_request": github.pull(7, HEAD)}, MERGE, mode="apply")
        assert (direct.code, closed.code, sent.paths) == (5, 5, [])
        assert "::warning::no pull request was merged with the commit bbbbbbb" in direct.log
        assert "### Apply: not begun" in direct.summary
        assert "pull request #7 is not merged" in closed.summary

    def test_a_commit_that_was_pushed_after_the_plan_has_none(self, plan, merge):
        plan(STACK)
        job = merge("d" * 40)
        assert job.code == 5
        assert "no plan was saved for pull request #7 at its last commit, ddddddd" in job.summary

    @pytest.mark.parametrize("change", [{"expired": True}, {"workflow_run": None}])
    def test_a_plan_that_has_expired_or_comes_from_nowhere_is_not_applied(self, plan, merge, github, change):
        plan(STACK)
        github.artifacts[0].update(change)
        assert merge().code == 5

    @pytest.mark.parametrize("fork", [True, False])
    def test_a_plan_that_somebody_else_saved_under_that_name_is_not_applied(
        self, plan, merge, shell, github, fork, server
    ):
        """A run of a fork, or on another commit, can name its artifacts as it likes."""
        name = plan(STACK).outputs["artifact"]
        shell.manifest("experiments: {evil: {}}\n")
        shell("plan", "--out", "evil.json")
        evil = (shell.folder / "evil.json").read_bytes()
        github.upload(name, {"plan.json": evil}, HEAD if fork else "d" * 40, fork=fork)
        assert merge().code == 0
        assert list(server.experiments()) == ["fraud"]

    def test_a_plan_that_its_comment_does_not_show_is_not_applied(self, plan, merge, shell, github, fake):
        name = plan(STACK).outputs["artifact"]
        shell.manifest("experiments: {evil: {}}\n")
        shell("plan", "--out", "evil.json")
        github.upload(name, {"plan.json": (shell.folder / "evil.json").read_bytes()}, HEAD)
        with sending(fake) as sent:
            job = merge()
        assert (job.code, sent.paths) == (5, [])
        assert "is not the one that its note shows" in job.summary

    def test_a_seal_that_a_comment_quotes_is_none(self, plan, merge, shell, github):
        name = plan(STACK).outputs["artifact"]
        shell.manifest("experiments: {evil: {}}\n")
        shell("plan", "--out", "evil.json")
        evil = (shell.folder / "evil.json").read_bytes()
        github.upload(name, {"plan.json": evil}, HEAD)
        (comment,) = github.comments[7]
        comment["body"] += f"\n<!-- {HEAD} sha256:{sha256(evil).hexdigest()} -->\n"
        assert merge().code == 5

    def test_after_an_error_the_plan_from_before_is_not_applied(self, plan, merge):
        plan(STACK)
        plan("experiments: {fraud: {tag: {}}}\n")  # the same commit, on another day
        assert merge().code == 5

    def test_where_there_is_no_comment_it_warns_and_applies(self, plan, merge, github):
        plan(STACK)
        github.comments.clear()
        job = merge()
        assert job.code == 0
        assert "::warning::pull request #7 has no note with its plan" in job.log

    @pytest.mark.parametrize("files", [{"other.json": b"{}"}, None])
    def test_an_archive_without_a_plan_is_an_error(self, plan, merge, github, files):
        artifact = plan(STACK)
        made = github.upload(artifact.outputs["artifact"], files or {}, HEAD)
        if files is None:
            github.blobs[made["id"]] = b"no archive"
        job = merge()
        assert job.code == 1
        assert "the saved plan cannot be read" in job.summary

    def test_the_token_does_not_go_to_the_host_of_the_archives(self, plan, merge, github):
        plan(STACK)
        merge()
        assert github.strangers == [""]

    def test_a_github_that_is_broken_is_an_error(self, plan, merge, github):
        plan(STACK)
        github.fault = lambda *_: Fault(500, "<html>")
        job = merge()
        assert job.code == 1
        assert "500" in job.summary

    def test_the_page_of_a_proxy_is_an_error(self, plan, merge, github):
        plan(STACK)
        github.fault = lambda *_: Fault(200, "<html>")
        job = merge()
        assert job.code == 1
        assert "the answer is no JSON" in job.summary


class TestDrift:
    @pytest.fixture
    def night(self, runner, shell):
        shell.apply(STACK)
        return lambda **inputs: runner.job({}, MERGE, mode="drift", **inputs)

    def test_drift_is_one_issue_until_there_is_none(self, night, server, github):
        assert night().code == 0
        assert github.threads == []
        server.tag("fraud", team="ops")
        assert night().code == 3
        server.tag("fraud", team="finance")
        assert night().code == 3
        (issue,) = github.threads
        assert (issue["title"], issue["labels"], issue["state"]) == ("Drift: manifests", ["reconciler-drift"], "open")
        assert "finance" in issue["body"]
        assert "reconciler import --refresh" in issue["body"]
        server.tag("fraud", team="ml")
        assert night().code == 0
        assert issue["state"] == "closed"
        assert "No drift any more." in github.comments[issue["number"]][0]["body"]
        server.tag("fraud", team="ops")
        night()
        assert [one["state"] for one in github.threads] == ["closed", "open"]

    def test_each_target_has_an_issue_of_its_own_and_those_of_others_are_left_alone(self, night, server, github):
        github.threads.append(
            {"number": 1, "state": "open", "user": {"login": "alice"}, "labels": ["x"], "body": "", "pull_request": {}}
        )
        server.tag("fraud", team="ops")
        night(label="x")
        night(label="x", target="local")
        assert [one.get("title") for one in github.threads] == [None, "Drift: manifests", "Drift: manifests on local"]

    def test_what_could_not_be_looked_at_leaves_the_issue_as_it_is(self, night, server, fake, github):
        server.tag("fraud", team="ops")
        night()
        fake.fault = lambda *_: Fault(401, {"message": "who are you"})
        job = night()
        assert job.code == 6
        assert "[credentials]" in job.summary
        assert [one["state"] for one in github.threads] == ["open"]

    def test_who_may_not_write_issues_still_gets_the_exit_code(self, night, server, github):
        github.readonly = True
        server.tag("fraud", team="ops")
        job = night()
        assert job.code == 3
        assert "::warning::the issue about drift was not written" in job.log
        assert night(comment="false").code == 3
        assert github.threads == []


class TestSafety:
    def test_no_script_has_text_of_a_user_in_it(self):
        """What an expression stands for would be part of the script; a variable is only text."""
        scripts = [step["run"] for step in ACTION["runs"]["steps"] if "run" in step]
        assert len(scripts) == 2
        assert not any("${{" in script for script in scripts)

    @pytest.mark.parametrize("name", ["mode", "manifests", "target", "arguments", "comment", "label", "extras"])
    def test_an_input_is_never_run(self, plan, runner, shell, name):
        shell.manifest(STACK)
        odd = '"; touch pwned; echo $(touch pwned) `touch pwned` \n::set-output name=x::y'
        runner.job({}, MERGE, **{"mode": "plan", name: odd})
        assert not list(runner.workspace.rglob("pwned"))
        assert not (ROOT / "pwned").exists()

    def test_what_the_program_prints_is_no_command_to_the_runner(self, plan):
        job = plan("experiments: {fraud: {tags: {'x': '##[add-mask]team'}}}\n")
        before, _, rest = job.log.partition("::stop-commands::")
        token = rest.split("\n", 1)[0]
        assert re.fullmatch("[0-9a-f]{32}", token)
        output, _, after = rest.partition(f"\n::{token}::\n")
        assert "##[add-mask]" in output
        assert "##[add-mask]" not in before + after

    def test_the_token_is_nothing_that_a_manifest_can_read(self, plan, github):
        job = plan("experiments: {fraud: {description: '${env.RECONCILER_TOKEN}'}}\n")
        assert job.code == 1
        assert "[unset-env]" in bodies(github)[0]
        assert TOKEN not in job.log + bodies(github)[0]

    def test_no_module_of_the_checkout_is_imported(self, plan, runner, shell):
        for name in ("reconciler/__init__.py", "yaml.py", "httpx.py", "forge.py"):
            shell.write(name, "raise SystemExit(99)\n")
        assert plan(STACK).code == 0

    def test_what_is_quoted_in_a_comment_means_nothing_there(self, plan, github):
        plan("experiments: {fraud: {name: '@everyone --> </details> ```', tags: {'a': '<!-- x -->'}}}\n")
        (body,) = bodies(github)
        assert body.count("\n<!--") == 1
        assert "@everyone" in body
        check_inert(body.split("\n", 2)[2].rpartition("\n\n")[0])

    def test_the_environment_is_made_from_the_checkout_of_the_action(self, plan):
        job = plan(STACK, extras="databricks,local")
        assert f"pip -m pip install --quiet --disable-pip-version-check {ROOT}[databricks,local]\n" in job.log
        assert f"pip -m pip install --quiet --disable-pip-version-check {ROOT}\n" in plan(STACK).log

    def test_errors_are_annotations_of_the_files(self, plan):
        (matcher,) = json.loads((ROOT / "gitops/problem-matcher.json").read_text())["problemMatcher"]
        (pattern,) = matcher["pattern"]
        log = plan("experiments: {fraud: {tag: {}}}\n").log
        (found,) = [one for line in log.splitlines() if (one := re.search(pattern["regexp"], line))]
        assert found.groups() == ("manifests/main.yaml", "1", "23", "error", "tag is not known [unknown-key]")
        assert [pattern[name] for name in ("file", "line", "column", "severity", "message")] == [1, 2, 3, 4, 5]

    def test_a_job_that_is_cancelled_ends_its_apply_first(self, plan, merge, runner, github, fake, monkeypatch):
        """The one who is told to stop passes it on, and waits."""
        plan("experiments: {a: {}}\nruns: {r: {experiment: a}}\n")
        github.pull(7, HEAD, MERGE)
        fake.fault = lambda _, __, path: os.kill(find(), signal.SIGINT) if path == "experiments/create" else None

        def find():
            shown = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
            lines = [line.split() for line in shown.splitlines() if f"{ROOT}/gitops/github.py" in line]
            (pid,) = [int(one[0]) for one in lines if one[1] == sys.executable]
            return pid

        job = merge()
        assert job.code == 130
        assert "### Apply: 1 done, 0 failed, 1 not attempted" in bodies(github)[-1]


@pytest.mark.skipif(not ALL, reason="installs the action; RECONCILER_TEST_ALL=1 does")
def test_it_runs_in_the_environment_that_it_makes(plan, runner):
    runner.installs = True
    runner.environ["PYTHONPATH"] = ""
    job = plan(STACK)
    assert job.code == 0, job.log
    assert (runner.temp / "reconciler-venv/bin/reconciler").exists()
    assert plan(STACK, mode="drift").code == 0


class TestValidate:
    def test_it_needs_no_server_and_no_rights(self, runner, shell, fake, github):
        shell.manifest(STACK)
        job = runner.job({"pull_request": github.pull(7, HEAD)}, MERGE, mode="validate")
        assert job.code == 0
        shell.manifest("experiments: {fraud: {tag: {}}}\n")
        wrong = runner.job({}, MERGE, mode="validate")
        assert (job.code, wrong.code) == (0, 1)
        assert "### Valid: 1 resource in 1 file" in job.summary
        assert "### Validate failed: 1 error" in wrong.summary
        assert fake.requests == github.requests == []


def test_every_input_and_output_says_what_it_is_and_which_type_it_has():
    for name, one in ACTION["inputs"].items():
        assert re.search(r"(Text|Number|Secret|true or false|validate, plan, apply or drift)", one["description"]), name
        assert one.get("required") or isinstance(one["default"], str), name
    for one in ACTION["outputs"].values():
        assert one["description"]
        assert re.fullmatch(r"\$\{\{ steps\.run\.outputs\.[\w-]+ \}\}", one["value"])


def test_a_mode_that_is_none_is_told(runner, shell):
    job = runner.job({}, MERGE, mode="nonsense")
    assert job.code == 64
    assert "mode is 'nonsense', and has to be one of validate, plan, apply, drift" in job.log


def test_the_author_of_the_comments_is_the_one_of_the_workflow_s_token():
    assert ACTION["inputs"]["comment-author"]["default"] == BOT
