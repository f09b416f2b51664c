"""The GitLab template: the scripts of its jobs are run as they stand, on a checkout, an MLflow, a GitLab in memory."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.e2e.tools import ROOT, outside, sending
from tests.fakes.gitlab import PROJECT, STRANGER, TOKEN, FakeGitLab
from tests.fakes.mlflow import Fault
from tests.pipelines.test_action import EDITED, HEAD, MERGE, STACK
from tests.pipelines.test_pages import PAGE, check
from tests.test_docs import _FENCE

TEMPLATE = (ROOT / "gitops/gitlab-ci.yml").read_text(encoding="utf-8")
INPUTS = yaml.safe_load(TEMPLATE.partition("\n---\n")[0])["spec"]["inputs"]
NOTES = "merge_requests/3"


def pipeline(**inputs):
    """The jobs that GitLab makes of the template."""
    values = {name: one.get("default", "") for name, one in INPUTS.items()} | inputs
    text = re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda found: _text(values[found[1]]), TEMPLATE.partition("\n---\n")[2])
    return yaml.safe_load(text)


def _text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass
class Runner:
    """A machine that runs jobs in `checkout`; `bin` has its git and its python."""

    checkout: Path
    bin: Path
    gitlab: FakeGitLab
    api: str
    token: str = TOKEN

    def job(self, mode, environ, **inputs):
        """Run the job for `mode`, as if its rules had let it run; what it saved is saved."""
        every = pipeline(project="tools/reconciler", ref="v0", **inputs)
        name = inputs.get("name", "reconciler")
        job, base = every[f"{name}-{mode}"], every[f".{name}"]
        assert job["extends"] == f".{name}"
        script = "\n".join([*base["before_script"], *base["script"]])
        shutil.rmtree(self.checkout / "reconciler-plans", ignore_errors=True)
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=self.checkout,
            env=outside() | self._environ() | {**base["variables"], **job["variables"]} | environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
            timeout=120,
        )
        if "artifacts" in job:
            assert job["artifacts"]["paths"] == ["reconciler-plans/"]
            folder = self.checkout / "reconciler-plans"
            files = {
                str(one.relative_to(self.checkout)): one.read_bytes() for one in folder.rglob("*") if one.is_file()
            }
            self.gitlab.ran(int(environ["CI_MERGE_REQUEST_IID"]), f"{name}-{mode}", files)
        return done.returncode, done.stdout

    def _environ(self):
        return {
            "CI_API_V4_URL": f"{self.api}/api/v4",
            "CI_JOB_TOKEN": "job-token",
            "CI_JOB_URL": "https://gitlab.example/jobs/1",
            "CI_PROJECT_DIR": str(self.checkout),
            "CI_PROJECT_ID": str(PROJECT),
            "GITLAB_TOKEN": self.token,
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
        }


@pytest.fixture
def gitlab():
    return FakeGitLab()


@pytest.fixture
def runner(shell, tmp_path, gitlab):
    """Its git "clones" this checkout, and its python makes environments in which pip installs nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    python = shlex.quote(sys.executable)
    for name, script in {
        "git": f'[ "$1" = clone ] && for last; do :; done && ln -s {ROOT} "$last"',
        "python": f'mkdir -p "$3/bin" && cp {folder}/own "$3/bin/python"',
        "own": f'if [ "$1 $2" = "-m pip" ]; then echo "pip $*"; else exec {python} "$@"; fi',
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    with gitlab.serve() as api:
        yield Runner(shell.folder, folder, gitlab, api)


@pytest.fixture
def plan(runner, shell, gitlab):
    """Somebody pushes to merge request 3, and its plan is made."""

    def push(manifest, head=HEAD, environ=None, **inputs):
        shell.manifest(manifest)
        gitlab.merge_request(3, head)
        return runner.job("plan", {"CI_MERGE_REQUEST_IID": "3", "CI_COMMIT_SHA": head} | (environ or {}), **inputs)

    return push


@pytest.fixture
def merge(runner, gitlab):
    """Somebody merges merge request 3, and what was reviewed is applied."""

    def push(head=HEAD, commit=MERGE, how="merge_commit_sha", **inputs):
        gitlab.merge_request(3, head, state="merged", **{how: commit})
        return runner.job("apply", {"CI_COMMIT_SHA": commit}, **inputs)

    return push


def bodies(gitlab):
    return [one["body"] for one in gitlab.notes.get(NOTES, [])]


class TestPlan:
    def test_a_plan_is_one_note_and_an_artifact_with_its_counts(self, plan, gitlab):
        assert plan(STACK)[0] == 0
        gitlab.note(NOTES, "looks good", STRANGER)
        gitlab.note(NOTES, bodies(gitlab)[0], STRANGER)
        assert plan("experiments: {a: {}, b: {}}\n", "d" * 40)[0] == 0
        first, *others = bodies(gitlab)
        assert "### Plan: 2 to create" in first
        assert len(others) == 2
        files = gitlab.pipelines[-1]["jobs"][1]["files"]
        assert files["reconciler-plans/counts.json"] == b'{"create": 2, "update": 0, "delete": 0}'
        assert {Path(name).name for name in files} == {"counts.json", "plan.json", "plan.html", "report.md", "head"}

    def test_errors_are_said_in_place_of_the_plan(self, plan, gitlab):
        assert plan("experiments: {fraud: {tag: {}}}\n")[0] == 1
        assert "tag is not known" in bodies(gitlab)[0]

    def test_without_a_token_there_is_the_log(self, plan, runner, gitlab):
        runner.token = ""
        code, log = plan(STACK)
        assert code == 0
        assert "warning: nothing was written below merge request !3: GITLAB_TOKEN is not set" in log
        assert plan(STACK, comment=False)[1].count("warning: ") == 0
        assert bodies(gitlab) == []

    def test_the_token_is_nothing_that_a_manifest_can_read(self, plan):
        names = ("GITLAB_TOKEN", "CI_JOB_TOKEN", "CI_REGISTRY_PASSWORD", "CI_DEPENDENCY_PROXY_PASSWORD")
        text = "".join(f"${{env.{name}}}" for name in names)
        given = dict.fromkeys(names[2:], "job-token")
        code, log = plan(f"experiments: {{fraud: {{description: '{text}'}}}}\n", environ=given)
        assert code == 1
        assert log.count("[unset-env]") == 4
        assert TOKEN not in log

    @pytest.mark.parametrize("between", [" ", "\n"])
    def test_further_arguments_may_stand_in_lines(self, plan, shell, between):
        arguments = between.join(["'--var=team=a b'", "--detailed-exitcode"])
        file = shell.folder / "manifests/reconciler.yaml"
        file.write_text(file.read_text() + "variables: {team: }\n")
        code, log = plan("experiments: {fraud: {tags: {team: '${var.team}'}}}\n", arguments=arguments)
        assert (code, '"a b"' in log) == (2, True)

    def test_it_installs_the_extras_from_the_clone(self, plan):
        assert re.search(
            r"^pip -m pip install .* /\S+/reconciler\[databricks\]$", plan(STACK, extras="databricks")[1], re.MULTILINE
        )


class TestApply:
    @pytest.mark.parametrize("how", ["merge_commit_sha", "squash_commit_sha", "sha"])
    def test_just_the_reviewed_plan_is_applied(self, plan, merge, shell, server, gitlab, how):
        plan(STACK)
        shell.manifest(EDITED)  # of another merge request, merged first
        assert merge(how=how, commit=HEAD if how == "sha" else MERGE)[0] == 0
        assert server.experiment("fraud")["tags"]["team"] == "ml"
        assert "### Apply complete: 1 done" in bodies(gitlab)[1]

    def test_the_token_does_not_go_to_the_host_of_the_artifacts(self, plan, merge, gitlab):
        plan(STACK)
        merge()
        assert set(gitlab.strangers) == {""}

    def test_the_head_of_a_merge_that_is_tried_is_that_of_its_branch(self, plan, merge):
        plan(STACK, environ={"CI_COMMIT_SHA": "e" * 40, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD})
        assert merge()[0] == 0

    def test_a_stale_plan_is_refused_and_says_how_to_go_on(self, plan, merge, gitlab):
        plan(STACK)
        merge()
        code, log = merge()
        assert code == 5
        assert "[stale-plan]" in log
        assert "Open another merge request (an empty commit is enough)" in bodies(gitlab)[1]

    def test_without_a_reviewed_plan_nothing_is_applied(self, runner, plan, merge, gitlab, fake):
        plan(STACK)
        with sending(fake) as sent:
            direct = runner.job("apply", {"CI_COMMIT_SHA": MERGE})
            later = merge("d" * 40)
            plan("experiments: {fraud: {tag: {}}}\n")
            failed = merge()
        assert [one[0] for one in (direct, later, failed)] == [5, 5, 5]
        assert "no merge request was merged with the commit bbbbbbb" in direct[1]
        assert "no plan was saved for merge request !3 at its last commit, ddddddd" in later[1]
        assert "the latest plan for merge request !3 was refused, or had errors" in failed[1]
        assert sent.paths == []

    @pytest.mark.parametrize("project", [PROJECT, 43])
    def test_another_plan_than_the_note_shows_is_not_applied(self, plan, merge, shell, server, gitlab, project):
        plan(STACK)
        shell.manifest("experiments: {evil: {}}\n")
        shell("plan", "--out", "evil.json")
        evil = (shell.folder / "evil.json").read_bytes()
        files = gitlab.pipelines[0]["jobs"][1]["files"]
        swapped = {name: evil if name.endswith("plan.json") else text for name, text in files.items()}
        gitlab.ran(3, "reconciler-plan", swapped, project)
        assert merge()[0] == (5 if project == PROJECT else 0)
        assert list(server.experiments()) == ([] if project == PROJECT else ["fraud"])

    def test_a_gitlab_that_is_broken_is_an_error(self, plan, merge, gitlab):
        plan(STACK)
        gitlab.fault = lambda _, __, path: Fault(500, "") if "/artifacts/" in path else None
        code, log = merge()
        assert code == 1
        assert "warning: GET projects/42/jobs/" in log


def test_drift_is_one_issue_until_there_is_none(runner, shell, server, gitlab):
    shell.apply(STACK)
    night = {"CI_COMMIT_SHA": MERGE}
    server.tag("fraud", team="ops")
    assert runner.job("drift", night)[0] == 3
    assert runner.job("drift", night)[0] == 3
    (issue,) = gitlab.threads
    assert (issue["title"], issue["labels"]) == ("Drift: manifests", "reconciler-drift")
    server.tag("fraud", team="ml")
    assert runner.job("drift", night)[0] == 0
    assert issue["state"] == "closed"
    assert "No drift any more." in gitlab.notes[f"issues/{issue['iid']}"][0]["body"]


class TestTemplate:
    def test_it_is_what_gitlab_s_schema_says(self, tmp_path):
        file = tmp_path / "gitlab-ci.yml"
        file.write_text(yaml.safe_dump(pipeline(project="tools/reconciler", ref="v0")))
        check("vendor.gitlab-ci", file)
        file.write_text(TEMPLATE.partition("\n---\n")[0])
        check("vendor.gitlab-ci", file)

    def test_each_job_runs_when_it_should(self):
        jobs = pipeline(project="tools/reconciler", ref="v0")
        conditions = {name: job["rules"][0]["if"] for name, job in jobs.items() if "rules" in job}
        assert conditions == {
            "reconciler-plan": '$CI_PIPELINE_SOURCE == "merge_request_event"',
            "reconciler-apply": '$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH',
            "reconciler-drift": '$CI_PIPELINE_SOURCE == "schedule"',
        }
        assert jobs["reconciler-apply"]["resource_group"] == "reconciler"
        assert jobs["reconciler-drift"]["allow_failure"] == {"exit_codes": [3]}

    def test_no_script_has_an_input_in_it(self):
        for job in yaml.safe_load(TEMPLATE.partition("\n---\n")[2]).values():
            assert not any("inputs." in line for line in [*job.get("before_script", []), *job.get("script", [])])

    def test_every_input_has_a_type_and_says_what_it_is(self):
        for one in INPUTS.values():
            assert one["type"] in {"string", "boolean"}
            assert one["description"]

    def test_five_lines_include_it(self):
        (text,) = [text for language, text in _FENCE.findall(PAGE.read_text()) if text.startswith("include:")]
        assert len(text.splitlines()) == 5
        (found,) = yaml.safe_load(text)["include"]
        assert found["file"] == "gitops/gitlab-ci.yml"
        assert found["inputs"].keys() == {name for name, one in INPUTS.items() if "default" not in one}


def test_arguments_that_cannot_be_divided_are_a_mistake_of_usage(tmp_path):
    environ = {**outside(), "CI_PROJECT_DIR": str(tmp_path), "RECONCILER_ARGUMENTS": "--only 'a"}
    command = [sys.executable, str(ROOT / "gitops" / "gitlab.py")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr == "error: the input `arguments` cannot be divided: No closing quotation\n"
