"""A GitHub in memory: pull requests, comments, issues, and the artifacts of workflow runs, of one repository."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from typing import Any

from .fake import Fake
from .transport import Reply

REPOSITORY = "acme/ml"
TOKEN = "ghs_for-tests-alone"
BOT = "github-actions[bot]"
OWN_ID, FORK_ID = 1, 2


class FakeGitHub(Fake):
    """`readonly`: the token may write nothing, as on a fork. Lists have `page` entries a page."""

    def __init__(self, page: int = 2) -> None:
        self.page = page
        self.readonly = False
        self.moved = 0
        super().__init__(f"/repos/{REPOSITORY}")

    def _empty(self) -> None:
        self.pulls: list[dict[str, Any]] = []
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.threads: list[dict[str, Any]] = []
        self.artifacts: list[dict[str, Any]] = []
        self.blobs: dict[int, bytes] = {}
        self.strangers: list[str] = []
        self._ids = iter(range(100, 10_000))

    def pull(self, number: int, head: str, merge: str = "") -> dict[str, Any]:
        """Somebody opens a pull request, or with `merge` merges it."""
        found = {"number": number, "head": {"sha": head}, "merged": bool(merge), "merge_commit_sha": merge or None}
        found |= {"merged_at": "2026-11-21T09:00:00Z" if merge else None}
        self.pulls = [one for one in self.pulls if one["number"] != number] + [found]
        return found

    def comment(self, number: int, body: str, author: str = BOT) -> dict[str, Any]:
        found = {"id": next(self._ids), "body": body, "user": {"login": author}}
        self.comments.setdefault(number, []).append(found)
        return found

    def upload(self, name: str, files: Mapping[str, bytes], head: str, *, fork: bool = False) -> dict[str, Any]:
        """A workflow run on the commit `head` saves files."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for file, text in files.items():
                archive.writestr(file, text)
        number = next(self._ids)
        run = {"head_sha": head, "repository_id": OWN_ID, "head_repository_id": FORK_ID if fork else OWN_ID}
        made = {"id": number, "name": name, "expired": False, "created_at": f"{number:09}", "workflow_run": run}
        self.artifacts.append(made)
        self.blobs[number] = content.getvalue()
        return made

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any | None, headers: Mapping[str, str]
    ) -> Reply:
        if found := re.fullmatch(r"/blobs/(\d+)", path):
            self.strangers.append(headers.get("authorization", ""))
            return 200, self.blobs[int(found[1])]
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"message": "Bad credentials"}
        if method != "GET" and self.readonly:
            return 403, {"message": "Resource not accessible by integration"}
        for pattern, answer in self._routes().items():
            if found := re.fullmatch(pattern, f"{method} {path.removeprefix(self._prefix)}"):
                return self._paged(answer(*found.groups(), query, body), path, query, headers)
        return 404, {"message": "Not Found"}

    def _routes(self) -> Mapping[str, Any]:
        return {
            r"GET commits/(\w+)/pulls": self._pulls,
            r"GET issues/(\d+)/comments": lambda number, *_: list(self.comments.get(int(number), [])),
            r"POST issues/(\d+)/comments": lambda number, _, body: self.comment(int(number), body["body"]),
            r"PATCH issues/comments/(\d+)": self._edit_comment,
            r"GET issues": self._issues,
            r"POST issues": self._open,
            r"PATCH issues/(\d+)": self._edit_issue,
            r"GET actions/artifacts": self._artifacts,
            r"GET actions/artifacts/(\d+)/zip": lambda number, *_: f"/blobs/{number}",
        }

    def _pulls(self, commit: str, *_: Any) -> list[Any]:
        return [one for one in self.pulls if commit in {one["merge_commit_sha"], one["head"]["sha"]}]

    def _edit_comment(self, number: str, _: Any, body: Any) -> Any:
        (found,) = [one for every in self.comments.values() for one in every if one["id"] == int(number)]
        return found.update(body) or found

    def _issues(self, query: dict[str, str], _: Any) -> list[Any]:
        wanted = [one for one in self.threads if one["state"] == query.get("state", "open")]
        return [one for one in wanted if query.get("labels", "") in one["labels"]]

    def _open(self, _: Any, body: Any) -> Any:
        made = {"number": next(self._ids), "state": "open", "user": {"login": BOT}, **body}
        self.threads.append(made)
        return made

    def _edit_issue(self, number: str, _: Any, body: Any) -> Any:
        (found,) = [one for one in self.threads if one["number"] == int(number)]
        return found.update(body) or found

    def _artifacts(self, query: dict[str, str], _: Any) -> list[Any]:
        return [one for one in self.artifacts if one["name"] == query["name"]]

    def _paged(self, found: Any, path: str, query: dict[str, str], headers: Mapping[str, str]) -> Reply:
        if isinstance(found, str):  # the archive lies on another host
            port = headers["host"].partition(":")[2]
            return 302, "", {"Location": f"http://localhost:{port}{found}"}
        if not isinstance(found, list):
            return 200, found
        at = int(query.get("page", "1"))
        part = found[(at - 1) * self.page : at * self.page]
        more = f"http://{headers['host']}{path}?" + "&".join(
            f"{name}={value}" for name, value in {**query, "page": at + 1}.items()
        )
        link = {"Link": f'<{more}>; rel="next"'} if len(found) > at * self.page else {}
        return 200, {"artifacts": part} if path.endswith("/artifacts") else part, link
