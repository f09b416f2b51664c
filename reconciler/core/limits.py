"""Holds what is declared against what a server can hold, with the place of each value that it cannot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain

from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.change import Path, Value
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.interpolate import Broken
from reconciler.core.kind import Kind
from reconciler.core.match import NAME
from reconciler.core.resource import Desired
from reconciler.core.wire import Unsupported, Wire
from reconciler.core.words import dotted, shown

_TOO_LONG = f"is too long for the mark, which has room for {marks.ROOM} bytes"
_SHORTEN = "shorten it; a character outside of ASCII takes 6 or 12 bytes there"


def check(
    desired: Mapping[Address, Desired],
    kinds: Mapping[str, Kind],
    wires: Mapping[str, Wire],
    backend: str,
    lacks: Mapping[str, str] | None = None,
) -> list[Diagnostic]:
    """What `backend` cannot hold of `desired`; `lacks`: why this server of it cannot, by the kind."""
    found = []
    fine: defaultdict[str, set[tuple[Path, Value]]] = defaultdict(set)
    paths = set(chain.from_iterable(entry.fields for entry in desired.values()))
    long = {path for path in paths if not marks.fits(path)}
    for address, entry in sorted(desired.items()):
        if wire := wires.get(address.kind):
            found += [
                error(no.code, f"{address}: {dotted(no.path)} {no.why}", entry.at(no.path), no.hint)
                for no in _refused(entry, wire, fine[address.kind])
            ]
            found += [] if wire.grants else _ungranted(entry, kinds[address.kind], backend)
        else:
            why = (lacks or {}).get(address.kind, f"the backend '{backend}' has no {address.kind}")
            found.append(error("unsupported", f"{address}: {why}", entry.at()))
        found += _too_long_for_marks(entry, long)
    return found + _disagreements(desired, kinds) + _taken_names(desired, kinds)


def _refused(entry: Desired, wire: Wire, fine: set[tuple[Path, Value]]) -> list[Unsupported]:
    """What the wire cannot hold of an entry. `fine`: the texts of its kind that it can; most come many times."""
    found = []
    for path, value in entry.fields.items():
        text = type(value) is str  # nothing else: 1 and True are equal, and so are a Secret and its text
        if (text and (path, value) in fine) or _broken(value):
            continue
        if no := wire.check(path, value):
            found.append(no)
        elif text:
            fine.add((path, value))
    return sorted(found, key=lambda no: no.path)


def _ungranted(entry: Desired, kind: Kind, backend: str) -> list[Diagnostic]:
    """Fields that say who may do what, for a backend that has no rights."""
    names = sorted({path[0] for path in entry.fields if kind.rule(path).access})
    return [
        error("unsupported", f"{entry.address}: the backend '{backend}' has no {name}", entry.at((name,)))
        for name in names
    ]


def _too_long_for_marks(entry: Desired, paths: set[Path]) -> Iterator[Diagnostic]:
    """Names that a mark could not hold each in one piece; of fields, they are among `paths`."""
    if not marks.fits(entry.address):
        yield error("limit", f"{shown(str(entry.address))} {_TOO_LONG}", entry.at(), _SHORTEN)
    for path in sorted(paths & entry.fields.keys()):
        yield error("limit", f"{entry.address}: {dotted(path)} {_TOO_LONG}", entry.at(path), _SHORTEN)


def _broken(value: Value) -> bool:
    """Whether the value, or a part of it, is no text yet for which a limit could be held against it."""
    return isinstance(value, Broken) or (isinstance(value, dict) and any(map(_broken, value.values())))


def _disagreements(desired: Mapping[Address, Desired], kinds: Mapping[str, Kind]) -> list[Diagnostic]:
    """Entries that resources with one parent would have to share, and that differ."""
    first: dict[tuple[object, Path], Desired] = {}
    found = []
    agreeing = {kind for kind in kinds if any(rule.agreed for rule in kinds[kind].rules.values())}
    for address, entry in sorted(item for item in desired.items() if item[0].kind in agreeing):
        kind = kinds[address.kind]
        parent = next((entry.fields[(name,)] for name, rule in kind.rules.items() if rule.parent), None)
        for path, value in sorted(entry.fields.items()):
            if not (parts := kind.rule(path).agreed):
                continue
            other = first.setdefault((parent, path), entry)
            if _taken(other.fields[path], parts) != _taken(value, parts):
                summary = f"{address}: {dotted(path)} differs from that of {other.address}, and the server keeps one"
                hint = f"the other is at {other.at(path)}; write the same there and here, or another digest"
                found.append(error("disagreement", summary, entry.at(path), hint))
    return found


def _taken(value: Value, parts: tuple[str, ...]) -> Value:
    return {part: value.get(part) for part in parts} if isinstance(value, dict) else value


def _taken_names(desired: Mapping[Address, Desired], kinds: Mapping[str, Kind]) -> list[Diagnostic]:
    """Names that two entries have of a kind of which the server holds each name once."""
    errors = []
    first: dict[tuple[str, str], Desired] = {}
    for address, entry in desired.items():
        name = entry.fields.get(NAME)
        if not kinds[address.kind].unique or not isinstance(name, str) or _broken(name):
            continue
        other = first.setdefault((address.kind, name), entry)
        if other is not entry:
            summary = f"{address} has the name {shown(name)}, as {other.address} has"
            hint = f"{other.address} has it at {other.at(NAME)}"
            errors.append(error("name-taken", summary, entry.at(NAME), hint))
    return errors
