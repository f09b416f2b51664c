"""GitHub as a forge: comments of pull requests, issues and artifacts. `action.yml` runs it."""

from __future__ import annotations

import io
import json
import os
import secrets
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from forge import Api, Change, Note, Refused, Unavailable
from pipeline import PLAN, Pipeline, Settings

LARGEST = 256_000_000
"""Bytes of a plan that are read."""


class GitHub:
    """The repository that this workflow runs in."""

    request = "pull request"
    tokens = frozenset({"RECONCILER_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"})

    def __init__(self, environ: Mapping[str, str], author: str) -> None:
        self._event = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
        self._commit = environ["GITHUB_SHA"]
        self._author = author
        self._stop = ""
        repository = environ["GITHUB_REPOSITORY"]
        self.run = f"{environ['GITHUB_SERVER_URL']}/{repository}/actions/runs/{environ['GITHUB_RUN_ID']}"
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {environ['RECONCILER_TOKEN']}",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        self._api = Api(f"{environ['GITHUB_API_URL']}/repos/{repository}", headers)

    def change(self) -> Change | None:
        found = self._event.get("pull_request")
        return _change(found) if found else None

    def merged(self) -> Change:
        found = self._event.get("pull_request")
        if found:
            if not found["merged"]:
                raise Refused(f"pull request #{found['number']} is not merged")
            return _change(found)
        for page in self._api.pages(f"commits/{self._commit}/pulls"):
            for one in page:
                if one["merged_at"] and one["merge_commit_sha"] == self._commit:
                    return _change(one)
        raise Refused(f"no pull request was merged with the commit {self._commit[:7]}: no plan of it was reviewed")

    def saved_plan(self, change: Change, name: str) -> bytes:
        """Of this repository's own runs on just that commit: an artifact's name alone proves nothing."""
        found = [
            one
            for page in self._api.pages("actions/artifacts", name=f"{name}-{change.head}")
            for one in page["artifacts"]
            if _own(one["workflow_run"], change.head)
        ]
        if not found:
            raise Refused(f"no plan was saved for {change.words} at its last commit, {change.head[:7]}")
        latest = max(found, key=lambda one: str(one["created_at"]))
        if latest["expired"]:
            raise Refused(f"the plan that was saved for {change.words} has expired")
        return _member(self._api.send("GET", f"actions/artifacts/{latest['id']}/zip").content)

    def notes(self, change: Change) -> Iterator[Note]:
        for page in self._api.pages(f"issues/{change.number}/comments"):
            yield from self._ours(page, "id")

    def add_note(self, change: Change, body: str) -> None:
        self._api.send("POST", f"issues/{change.number}/comments", {"body": body})

    def edit_note(self, change: Change, note: Note, body: str) -> None:  # noqa: ARG002
        self._api.send("PATCH", f"issues/comments/{note.id}", {"body": body})

    def issues(self, label: str) -> Iterator[Note]:
        for page in self._api.pages("issues", state="open", labels=label):
            yield from self._ours([one for one in page if "pull_request" not in one], "number")

    def open_issue(self, title: str, body: str, label: str) -> None:
        self._api.send("POST", "issues", {"title": title, "body": body, "labels": [label]})

    def edit_issue(self, issue: Note, body: str) -> None:
        self._api.send("PATCH", f"issues/{issue.id}", {"body": body})

    def close_issue(self, issue: Note, words: str) -> None:
        self._api.send("POST", f"issues/{issue.id}/comments", {"body": words})
        self._api.send("PATCH", f"issues/{issue.id}", {"state": "closed", "state_reason": "completed"})

    def warn(self, words: str) -> None:
        print(f"::warning::{_escaped(words)}", flush=True)

    def begin(self) -> None:
        self._stop = secrets.token_hex(16)
        print(f"::stop-commands::{self._stop}", flush=True)

    def end(self) -> None:
        print(f"::{self._stop}::", flush=True)

    def _ours(self, found: list[dict[str, Any]], key: str) -> Iterator[Note]:
        for one in found:
            if one["user"] and one["user"]["login"] == self._author:
                yield Note(one[key], one["body"] or "")


def _change(found: Mapping[str, Any]) -> Change:
    return Change(found["number"], found["head"]["sha"], f"pull request #{found['number']}")


def _own(run: Mapping[str, Any] | None, head: str) -> bool:
    """Whether a run was one of the repository itself and not of a fork, and of that commit."""
    return run is not None and run["head_sha"] == head and run["head_repository_id"] == run["repository_id"]


def _member(content: bytes) -> bytes:
    """The plan in the archive of an artifact."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.getinfo(PLAN).file_size <= LARGEST:
                return archive.read(PLAN)
    except (zipfile.BadZipFile, KeyError):
        pass
    raise Unavailable(f"the saved plan cannot be read: its archive holds no {PLAN}")


def _escaped(words: str) -> str:
    return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def main(environ: Mapping[str, str]) -> int:
    """Do what the inputs of the action say. Returns the exit code."""
    settings = Settings.of(environ, Path(environ["RUNNER_TEMP"]))
    forge = GitHub(environ, environ["RECONCILER_COMMENT_AUTHOR"])
    change = forge.change()
    done = Pipeline(settings, forge, environ).run()
    outputs = done.outputs(change.head if change else environ["GITHUB_SHA"])
    with Path(environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as output:
        output.writelines(f"{name}={value}\n" for name, value in outputs.items())
    with Path(environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as summary:
        summary.write(done.report)
    return done.code


if __name__ == "__main__":
    sys.exit(main(os.environ))
