"""An explanation as text, no wider than a terminal where values allow, and as a JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any

from reconciler.core.advice import Advice
from reconciler.core.call import Call
from reconciler.core.change import Action, FieldChange
from reconciler.core.diagnostics import Span
from reconciler.core.explanation import Applied, Explanation, Field
from reconciler.core.imports import Entry
from reconciler.core.origin import Commit, Origin, Part, written_address
from reconciler.core.words import dotted, typed
from reconciler.report.diagnostics import excerpt
from reconciler.report.lines import Line, Style, safe, shown
from reconciler.report.manifest import manifest
from reconciler.report.text import cause, request

FORMAT = 1
WIDTH = 80
INDENT = 18
LONGEST = 1000
"""Characters of a request's body that are shown."""
_APPLIED: Mapping[str, str] = {
    "never": "never by this stack",
    "manifest": "what the manifest says",
    "server": "what the server holds",
    "other": "something else",
}
_LAYERS: Mapping[str, str] = {
    "resource": "in the resource",
    "defaults": "in the defaults of the stack",
    "key": "the key of the entry",
}


@dataclass(frozen=True, slots=True)
class Places:
    """What is known of places. `folder` stands before file names, `commits` are by file and line, `sources` by file."""

    folder: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    commits: Mapping[tuple[str, int], Commit] = field(default_factory=dict)

    def place(self, at: Span | None) -> str:
        return f"{self.folder}{at}" if at else ""

    def line(self, at: Span) -> str:
        """The line of the file that a place is in."""
        rows = self.sources.get(at.file, "").splitlines()
        return rows[at.line - 1] if 0 < at.line <= len(rows) else ""

    def commit(self, at: Span) -> Commit | None:
        return self.commits.get((at.file, at.line))


NOWHERE = Places()


def explain_lines(found: Explanation, places: Places = NOWHERE, *, whole: bool = True) -> list[Line]:
    """The explanation for a person. `whole`: of the resource; else of one field, with its line and all advice."""
    lines: list[Line] = [
        [(str(found.pair.address), "bold"), *_written(found, places)],
        [("  server: ", "dim"), (_state(found), "")],
        [("  action: ", "dim"), (str(found.action), ""), (f"  {found.reason}" if found.reason else "", "")],
    ]
    lines += [[("  stays:  ", "dim"), (f"cannot remove: {found.stays}", "")]] if found.stays else []
    for number, advice in enumerate(found.advice if whole else ()):
        lines += _advice(advice, found, "  or:           " if number else "  to ignore it: ")
    told: set[int] = set()
    for one in found.fields:
        lines += [[], [(f"  {dotted(one.change.path)}", "bold")], *_field(one, found, places, whole=whole)]
        lines += [row for call in one.calls for row in _request(call, again=id(call) in told)]
        told |= {id(call) for call in one.calls}
        lines += _advice(one.advice, found, "    to ignore it: ") if one.advice and not whole else []
    return lines


def dump(found: Explanation, places: Places, tool: str) -> str:
    """The explanation as JSON, written by version `tool`: keys sorted, two blanks of indent, a newline at the end."""
    live = found.pair.live
    document = {
        "format": FORMAT,
        "tool": tool,
        "address": str(found.pair.address),
        "at": str(found.pair.desired.at()) if found.pair.desired else None,
        "id": live.id if live else None,
        "state": _state(found),
        "action": str(found.action),
        "reason": found.reason,
        "stays": found.stays,
        "advice": [_advice_json(advice, found) for advice in found.advice],
        "fields": [_field_json(one, found, places) for one in found.fields],
    }
    return json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def _written(found: Explanation, places: Places) -> Line:
    if found.pair.desired is None:
        return [("  not declared", "")]
    return [(f"   {places.place(found.pair.desired.at())}", "place")]


def _state(found: Explanation) -> str:
    live = found.pair.live
    if live is None:
        return "not there"
    state = "deleted" if live.deleted else "active"
    owners = [f"also marked by the stack {stack}" for stack in sorted(live.others)]
    return ", ".join(
        [f"id {live.id}", state, "owned by this stack" if live.mark else "not owned by this stack", *owners]
    )


def _field(one: Field, found: Explanation, places: Places, *, whole: bool) -> list[Line]:
    change = one.change
    replace = f"; to make it anew: reconciler plan --replace {typed(str(found.pair.address))}"
    words = wrap(f"{one.refused}{'' if found.irreplaceable else replace}", WIDTH - INDENT) if one.refused else []
    return [
        _row("manifest", _value(change.after)),
        _row("server", _value(change.before)),
        _row("last applied", _applied(one.applied)),
        _row("reason", _reason(one, found)),
        *([_row("refused", words[0]), *_plain(" " * INDENT, words[1:])] if words else ()),
        *(_origin(one.origin, places, whole=whole) if one.origin else ()),
    ]


def _row(label: str, text: str, style: Style = "") -> Line:
    return [(f"    {label + ':':<{INDENT - 4}}", "dim"), (text, style)]


def _reason(one: Field, found: Explanation) -> str:
    if one.change.effect:
        return cause(one.change)
    if found.action is Action.delete:
        return "it goes with the resource"
    return f"cannot remove: {one.stays}" if one.stays else "nothing to do"


def _value(value: object) -> str:
    return "(not set)" if value is None else shown(value)


def _applied(applied: Applied) -> str:
    words = _APPLIED[applied.like]
    return f"{words} (digest {applied.digest})" if applied.digest else words


def _origin(origin: Origin, places: Places, *, whole: bool) -> list[Line]:
    """Where the value is written, what its expressions stand for, and who wrote it."""
    rows = [[*_row("written", places.place(origin.at), "place"), (f", {_LAYERS[origin.layer]}", "")]]
    rows += [] if whole else excerpt(origin.at, places.sources, INDENT, WIDTH - INDENT - len(f"{origin.at.line} | "))
    rows += [row for part in origin.parts for row in _part(part, places)]
    commit = places.commit(origin.at)
    return [*rows, _row("commit", _commit(commit))] if commit else rows


def _part(part: Part, places: Places) -> list[Line]:
    value = f" = {shown(part.value)}" if part.value is not None else ""
    words = f"{part.name}{value}{f', {part.by}' if part.by else ''}"
    if not part.at:
        return [_row(part.source, words)]
    place = places.place(part.at)
    if len(words) + len(place) <= WIDTH - INDENT - 2:
        return [[*_row(part.source, f"{words}, "), (place, "place")]]
    return [_row(part.source, f"{words},"), [(" " * INDENT + place, "place")]]


def _commit(commit: Commit) -> str:
    if not commit.id:
        return commit.note
    note = f" ({commit.note})" if commit.note else ""
    return f"{commit.id[:10]}, {commit.author}, {commit.date[:10]}{note}: {commit.summary}"


def _request(call: Call, *, again: bool) -> list[Line]:
    """A request, on one line where it fits and else with its body below; one that was told already in two words."""
    text = "as above" if again else request(call)
    if again or len(text) <= WIDTH - INDENT or not call.body:
        return [_row("request", text)]
    body = safe(json.dumps(call.body, ensure_ascii=False))
    if len(body) > LONGEST:
        body = f"{body[:LONGEST]}… ({len(body):,} characters; all of it with --format json)"
    rows = wrap(body, WIDTH - INDENT, break_on_hyphens=False)
    return [_row("request", f"{call.method} {call.path}"), *_plain(" " * INDENT, rows)]


def _advice(advice: Advice, found: Explanation, label: str) -> list[Line]:
    """The words, and below them what to write or to run."""
    below = [advice.command] if advice.command else _snippet(advice, found).splitlines()
    colon = ":" if below else ""
    first, *rest = wrap(f"{advice.words}{colon}", WIDTH - len(label)) or [""]
    indent = " " * len(label)
    return [[(label, "dim"), (first, "")], *_plain(indent, rest), *_plain(f"{indent}  ", below)]


def _plain(indent: str, rows: Sequence[str]) -> list[Line]:
    return [[(indent + row, "")] for row in rows]


def _snippet(advice: Advice, found: Explanation) -> str:
    """The entry to write, as it stands in a manifest."""
    return manifest([Entry(written_address(found.pair.address), advice.body, (), "")]) if advice.body else ""


def _advice_json(advice: Advice, found: Explanation) -> dict[str, str]:
    return {"words": advice.words, "manifest": _snippet(advice, found), "command": advice.command}


def _field_json(one: Field, found: Explanation, places: Places) -> dict[str, Any]:
    change: FieldChange = one.change
    return {
        "path": change.path,
        "manifest": change.after,
        "server": change.before,
        "last_applied": one.applied.like,
        "effect": str(change.effect),
        "reason": _reason(one, found),
        "refused": one.refused,
        "origin": _origin_json(one.origin, places) if one.origin else None,
        "requests": [{"method": call.method, "path": call.path, "body": call.body} for call in one.calls],
        "advice": _advice_json(one.advice, found) if one.advice else None,
    }


def _origin_json(origin: Origin, places: Places) -> dict[str, Any]:
    commit = places.commit(origin.at)
    return {
        "layer": origin.layer,
        "at": str(origin.at),
        "line": places.line(origin.at),
        "parts": [_part_json(part) for part in origin.parts],
        "commit": _commit_json(commit) if commit else None,
    }


def _part_json(part: Part) -> dict[str, Any]:
    at = str(part.at) if part.at else None
    return {"source": part.source, "name": part.name, "value": part.value, "by": part.by, "at": at}


def _commit_json(commit: Commit) -> dict[str, str]:
    return {
        "id": commit.id,
        "author": commit.author,
        "date": commit.date,
        "summary": commit.summary,
        "note": commit.note,
    }


def lines_of(found: Explanation) -> Sequence[tuple[str, int]]:
    """The file and line of each value that is written."""
    return sorted({(one.origin.at.file, one.origin.at.line) for one in found.fields if one.origin})
