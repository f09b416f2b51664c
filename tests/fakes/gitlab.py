"""A GitLab in memory: merge requests, notes, issues, pipelines and the artifacts of jobs, of one project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .fake import Fake
from .transport import Reply

PROJECT = 42
TOKEN = "glpat-for-tests-alone"
BOT, STRANGER = 7, 8


class FakeGitLab(Fake):
    """Lists have `page` entries a page."""

    def __init__(self, page: int = 2) -> None:
        self.page = page
        super().__init__("/api/v4")

    def _empty(self) -> None:
        self.requested: list[dict[str, Any]] = []
        self.notes: dict[str, list[dict[str, Any]]] = {}
        self.threads: list[dict[str, Any]] = []
        self.pipelines: list[dict[str, Any]] = []
        self.strangers: list[str] = []
        self._ids = iter(range(100, 10_000))

    def merge_request(self, number: int, head: str, **more: Any) -> None:
        """Somebody opens a merge request, or merges it."""
        found = {"iid": number, "sha": head, "state": "opened", "merge_commit_sha": None, "squash_commit_sha": None}
        self.requested = [one for one in self.requested if one["iid"] != number] + [found | more]

    def ran(self, number: int, job: str, files: Mapping[str, bytes], project: int = PROJECT) -> dict[str, Any]:
        """A job of a pipeline of merge request `number` saved files."""
        made = {"id": next(self._ids), "number": number, "project_id": project}
        made["jobs"] = [{"id": next(self._ids), "name": "lint", "files": {}}]
        made["jobs"] += [{"id": next(self._ids), "name": job, "files": dict(files)}]
        self.pipelines.append(made)
        return made

    def note(self, place: str, body: str, author: int = BOT) -> dict[str, Any]:
        found = {"id": next(self._ids), "body": body, "author": {"id": author}}
        self.notes.setdefault(place, []).append(found)
        return found

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any | None, headers: Mapping[str, str]
    ) -> Reply:
        if found := re.fullmatch(r"/storage/(\d+)/(.*)", path):
            self.strangers.append(" ".join(value for value in headers.values() if TOKEN in value))
            return 200, self._file(*found.groups()) or b""
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"message": "401 Unauthorized"}
        for pattern, answer in self._routes().items():
            if found := re.fullmatch(pattern, f"{method} {path.removeprefix(self._prefix)}"):
                return self._paged(answer(*found.groups(), query, body), path, query, headers)
        return 404, {"message": "404 Not Found"}

    def _routes(self) -> Mapping[str, Any]:
        project = rf"projects/{PROJECT}"
        return {
            "GET user": lambda *_: {"id": BOT},
            rf"GET {project}/repository/commits/(\w+)/merge_requests": self._related,
            rf"GET {project}/merge_requests/(\d+)/pipelines": self._pipelines,
            rf"GET {project}/pipelines/(\d+)/jobs": self._jobs,
            rf"GET {project}/jobs/(\d+)/artifacts/(.*)": self._file,
            rf"GET {project}/((?:merge_requests|issues)/\d+)/notes": lambda place, *_: list(self.notes.get(place, [])),
            rf"POST {project}/((?:merge_requests|issues)/\d+)/notes": lambda place, _, new: self.note(place, **new),
            rf"PUT {project}/((?:merge_requests|issues)/\d+)/notes/(\d+)": self._edit_note,
            rf"GET {project}/issues": self._issues,
            rf"POST {project}/issues": self._open,
            rf"PUT {project}/issues/(\d+)": self._edit_issue,
        }

    def _related(self, commit: str, *_: Any) -> list[Any]:
        ends = ("merge_commit_sha", "squash_commit_sha", "sha")
        return [one for one in self.requested if commit in {one[end] for end in ends}]

    def _pipelines(self, number: str, *_: Any) -> list[Any]:
        found = [one for one in self.pipelines if one["number"] == int(number)]
        return [{"id": one["id"], "project_id": one["project_id"]} for one in found]

    def _jobs(self, number: str, *_: Any) -> list[Any]:
        (found,) = [one for one in self.pipelines if one["id"] == int(number)]
        return [{"id": job["id"], "name": job["name"]} for job in found["jobs"]]

    def _file(self, number: str, file: str, *_: Any) -> bytes | None:
        jobs = [job for one in self.pipelines for job in one["jobs"] if job["id"] == int(number)]
        return jobs[0]["files"].get(file)

    def _edit_note(self, place: str, number: str, _: Any, body: Any) -> Any:
        (found,) = [one for one in self.notes[place] if one["id"] == int(number)]
        return found.update(body) or found

    def _issues(self, query: dict[str, str], _: Any) -> list[Any]:
        wanted = [one for one in self.threads if one["state"] == query.get("state", "opened")]
        return [one for one in wanted if query.get("labels", "") == one["labels"]]

    def _open(self, _: Any, body: Any) -> Any:
        made = {"iid": next(self._ids), "state": "opened", "author": {"id": BOT}, **body}
        self.threads.append(made)
        return made

    def _edit_issue(self, number: str, _: Any, body: Any) -> Any:
        (found,) = [one for one in self.threads if one["iid"] == int(number)]
        change = {"state": "closed"} if body.get("state_event") == "close" else body
        return found.update(change) or found

    def _paged(self, found: Any, path: str, query: dict[str, str], headers: Mapping[str, str]) -> Reply:
        if found is None:
            return 404, {"message": "404 Not Found"}
        if isinstance(found, bytes):  # it lies on another host
            port, file = headers["host"].partition(":")[2], path.partition("/jobs/")[2].replace("/artifacts", "", 1)
            return 302, "", {"Location": f"http://localhost:{port}/storage/{file}"}
        if not isinstance(found, list):
            return 200, found
        at = int(query.get("page", "1"))
        part = found[(at - 1) * self.page : at * self.page]
        asked = "&".join(f"{name}={value}" for name, value in {**query, "page": at + 1}.items())
        link = {"Link": f'<http://{headers["host"]}{path}?{asked}>; rel="next"'} if len(found) > at * self.page else {}
        return 200, part, link
