"""GitLab as a forge: notes of merge requests, issues and the artifacts of jobs. `gitlab-ci.yml` runs it."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from forge import Api, Change, Note, Refused, Unavailable
from pipeline import HEAD, PLAN, Done, Pipeline, Settings, summary

FOLDER = "reconciler-plans"
"""Of the checkout: what is saved and reported lies there, a folder for each stack and target."""
MISSING = 404

USAGE = 64
"""As the program itself has it."""


class GitLab:
    """The project that this pipeline runs in."""

    request = "merge request"
    tokens = frozenset(
        {
            "GITLAB_TOKEN",
            "CI_JOB_TOKEN",
            "CI_REPOSITORY_URL",  # has the job's token in it, as the others have
            "CI_REGISTRY_PASSWORD",
            "CI_DEPENDENCY_PROXY_PASSWORD",
            "RECONCILER_REPOSITORY",
        }
    )

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._project = environ["CI_PROJECT_ID"]
        self.run = environ["CI_JOB_URL"]
        token = environ.get("GITLAB_TOKEN")
        headers = {"Authorization": f"Bearer {token}"} if token else {}  # PRIVATE-TOKEN would go along to a storage
        self._api = Api(environ["CI_API_V4_URL"], headers)

    def change(self) -> Change | None:
        number = self._environ.get("CI_MERGE_REQUEST_IID")
        if not number:
            return None
        head = self._environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or self._environ["CI_COMMIT_SHA"]
        return Change(int(number), head, f"merge request !{number}")

    def merged(self) -> Change:
        commit = self._environ["CI_COMMIT_SHA"]
        for one in self._list(f"repository/commits/{commit}/merge_requests"):
            ends = (one["merge_commit_sha"], one["squash_commit_sha"], one["sha"])  # the last one: fast-forward
            if one["state"] == "merged" and commit in ends:
                return Change(one["iid"], one["sha"], f"merge request !{one['iid']}")
        raise Refused(f"no merge request was merged with the commit {commit[:7]}: no plan of it was reviewed")

    def saved_plan(self, change: Change, name: str) -> bytes:
        """Of this project's own pipelines: a fork has its own."""
        found = self._list(f"merge_requests/{change.number}/pipelines")
        own = [one["id"] for one in found if str(one["project_id"]) == self._project]
        for pipeline in sorted(own, reverse=True):
            for job in self._list(f"pipelines/{pipeline}/jobs"):
                if job["name"] != self._environ["RECONCILER_PLAN_JOB"]:
                    continue
                if self._artifact(job["id"], f"{name}/{HEAD}") == change.head.encode():
                    if plan := self._artifact(job["id"], f"{name}/{PLAN}"):
                        return plan
                    raise Refused(f"the latest plan for {change.words} was refused, or had errors")
        raise Refused(f"no plan was saved for {change.words} at its last commit, {change.head[:7]}")

    def notes(self, change: Change) -> Iterator[Note]:
        return self._ours(f"merge_requests/{change.number}/notes", "id", "body")

    def add_note(self, change: Change, body: str) -> None:
        self._send("POST", f"merge_requests/{change.number}/notes", {"body": body})

    def edit_note(self, change: Change, note: Note, body: str) -> None:
        self._send("PUT", f"merge_requests/{change.number}/notes/{note.id}", {"body": body})

    def issues(self, label: str) -> Iterator[Note]:
        return self._ours("issues", "iid", "description", state="opened", labels=label, scope="all")

    def open_issue(self, title: str, body: str, label: str) -> None:
        self._send("POST", "issues", {"title": title, "description": body, "labels": label})

    def edit_issue(self, issue: Note, body: str) -> None:
        self._send("PUT", f"issues/{issue.id}", {"description": body})

    def close_issue(self, issue: Note, words: str) -> None:
        self._send("POST", f"issues/{issue.id}/notes", {"body": words})
        self._send("PUT", f"issues/{issue.id}", {"state_event": "close"})

    def warn(self, words: str) -> None:
        print(f"warning: {words}", file=sys.stderr, flush=True)

    def begin(self) -> None:
        """The log of a job has no commands."""

    def end(self) -> None:
        """Nor here."""

    @cached_property
    def _me(self) -> int:
        """Whose notes are ours. Raises Unavailable."""
        if not self._environ.get("GITLAB_TOKEN"):
            raise Unavailable("GITLAB_TOKEN is not set")
        found: int = self._api.json("GET", "user")["id"]
        return found

    def _ours(self, path: str, key: str, text: str, **query: str) -> Iterator[Note]:
        me = self._me
        for one in self._list(path, **query):
            if one["author"]["id"] == me:
                yield Note(one[key], one[text] or "")

    def _list(self, path: str, **query: str) -> Iterator[Any]:
        for page in self._api.pages(f"projects/{self._project}/{path}", **query):
            yield from page

    def _send(self, method: str, path: str, body: object) -> None:
        self._api.send(method, f"projects/{self._project}/{path}", body)

    def _artifact(self, job: int, file: str) -> bytes:
        """What a job saved as `file`; b'' where it saved none, or no longer has it."""
        try:
            path = f"projects/{self._project}/jobs/{job}/artifacts/{FOLDER}/{quote(file)}"
            return self._api.send("GET", path).content
        except Unavailable as problem:
            if problem.status == MISSING:
                return b""
            raise


def write_counts(done: Done, folder: Path) -> None:
    """The counts of a plan, as the widget of a merge request shows them."""
    if done.folder:
        counts = summary(done.folder / PLAN)
        shown = {
            "create": counts["create"] + counts["replace"],
            "update": counts["update"] + counts["adopt"] + counts["restore"],
            "delete": counts["delete"] + counts["replace"],
        }
        (folder / "counts.json").write_text(json.dumps(shown), encoding="utf-8")


def main(environ: Mapping[str, str]) -> int:
    """Do what the variables of the job say. Returns the exit code."""
    folder = Path(environ["CI_PROJECT_DIR"]) / FOLDER
    # GitLab puts an input into the text of its YAML, where a line break becomes a blank
    try:
        arguments = "\n".join(shlex.split(environ.get("RECONCILER_ARGUMENTS", "")))
    except ValueError as wrong:
        sys.stderr.write(f"error: the input `arguments` cannot be divided: {wrong}\n")
        return USAGE
    environ = {**environ, "RECONCILER_ARGUMENTS": arguments}
    done = Pipeline(Settings.of(environ, folder), GitLab(environ), environ).run()
    write_counts(done, folder)
    return done.code


if __name__ == "__main__":
    sys.exit(main(os.environ))
