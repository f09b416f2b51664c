"""From one live resource to the body of an entry that declares it as it is, and to what the entry cannot say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from reconciler.core import mark as marks
from reconciler.core.change import Path, Value
from reconciler.core.kind import Kind
from reconciler.core.match import NAME
from reconciler.core.resource import Live
from reconciler.core.sensitive import Sensitive
from reconciler.core.wire import Wire
from reconciler.core.words import dotted, shown

KeyOf = Callable[[str, str], str]
"""From a kind and the server's id to a key of the manifests, '' where there is none."""
_CHOSEN = "artifact_location"
"""The server makes it of the id, where nobody says another."""


@dataclass(frozen=True, slots=True)
class Described:
    """The body, by the fields of the kind's model; `notes`: a line for each value that is left out, with the reason."""

    body: Mapping[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Describer:
    """Describes resources of one kind.

    Attributes:
        tags: the stack's default tags, which need no repeating.
        sensitive: what must not stand in a file.
    """

    kind: Kind
    wire: Wire
    sensitive: Sensitive = field(default_factory=Sensitive)
    tags: Mapping[str, str] = field(default_factory=dict)

    def describe(self, live: Live, key: str, key_of: KeyOf) -> Described:
        """`live` as the entry with the key `key` declares it. What nobody has to write is left out."""
        body: dict[str, Any] = {}
        notes = []
        growing: set[str] = set()
        for path, value in sorted(live.fields.items()):
            if self._needless(live, path, value, key):
                continue
            if self._grows(live, path):
                growing.add(path[0])
                continue
            reference = self.kind.references.get(path[0])
            said: Value = key_of(reference, str(value)) if reference else value
            why = f"names {shown(str(value))}, which is not imported" if reference and not said else ""
            if why := why or self.unfit(path, said):
                notes.append(f"{dotted(path)} is left out: it {why}")
            else:
                put(body, self.kind, path, self.wire.short(path, said))
        notes += [
            f"{name} are left out: more may be logged, and an apply would log these again" for name in sorted(growing)
        ]
        if not self.kind.unique:
            body["id"] = live.id
        return Described({name: body[name] for name in self.kind.order if name in body}, tuple(notes))

    def unfit(self, path: Path, value: Value) -> str:
        """Why a manifest cannot declare `value` at `path`; '' where it can."""
        return next(self._faults(path, value), "")

    def _needless(self, live: Live, path: Path, value: Value, key: str) -> bool:
        if path == NAME:
            return self.wire.short(path, value) == key
        if path == (_CHOSEN,):
            return not value or str(value).rstrip("/").endswith(f"/{live.id}")
        if path[0] == "tags":
            return self.tags.get(path[1]) == value
        return value is None or (path == ("description",) and not value) or value == (self.kind.rule(path).made or None)

    def _grows(self, live: Live, path: Path) -> bool:
        """Whether it is a series that may go on: of what is still in the status that it is made in."""
        status = live.fields.get(("status",))
        return self.kind.rule(path).series and status is not None and status == self.kind.rule(("status",)).made

    def _faults(self, path: Path, value: Value) -> Iterator[str]:
        if self.sensitive.covers(path):
            yield "is sensitive; declare it with ${env.NAME}, or not at all"
        if not marks.fits(path):
            yield "has a name that is too long for the mark"
        if problem := self.wire.check(path, value):
            yield problem.why
        whole: Any = value if len(path) == 1 else [value] if self.kind.rule(path).keyed else {path[1]: value}
        if not _taken(self.kind.model, path[0], whole):
            yield f"is {shown(str(value))}, which no manifest can say"


def put(body: dict[str, Any], kind: Kind, path: Path, value: Value) -> None:
    """Write `value` into the body of an entry as a person would."""
    if len(path) == 1:
        body[path[0]] = value
    elif kind.rule(path).keyed:
        body.setdefault(path[0], []).append(value)
    else:
        body.setdefault(path[0], {})[path[1]] = value


def _taken(model: type[BaseModel], name: str, value: Any) -> bool:
    """Whether a field of the model takes `value`."""
    try:
        _form(model, name).validate_python(value)
    except ValidationError:
        return False
    return True


@cache
def _form(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    info = model.model_fields[name]
    form: Any = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    return TypeAdapter(form)
