"""The plan document as a model: what may stand in it, and the values that its parts stand for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from reconciler.core.address import Address
from reconciler.core.call import Call, Method, sendable
from reconciler.core.change import Action, FieldChange, Path, Reason
from reconciler.core.diagnostics import Span
from reconciler.core.mark import Mark
from reconciler.core.placeholders import checked
from reconciler.core.plan import Basis, Plan, Stay, Step

T = TypeVar("T")
_ACTIONS = tuple(name for name in Action.__members__ if name != "noop")
FLAGS = tuple(sorted(one.name for one in fields(Mark) if one.default is False))
"""What a mark can say beside the digests."""


def _action(text: Any) -> Any:
    if _text(text) not in _ACTIONS:
        raise ValueError(f"{json.dumps(text)[:40]} is not one of {', '.join(_ACTIONS)}")
    return Action[text]


def _address(text: Any) -> Any:
    return Address.parse(_text(text))


def _span(text: Any) -> Any:
    try:
        return None if text is None else Span.parse(_text(text))
    except ValueError:
        raise ValueError(f"{json.dumps(text)[:40]} is not a place such as fraud.yaml:4:9") from None


def _flag(text: Any) -> Any:
    if text not in FLAGS:
        raise ValueError(f"{json.dumps(text)[:40]} is not one of {', '.join(FLAGS)}")
    return text


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("is not a text")  # noqa: TRY004 - pydantic wants a ValueError
    return value


_TEXT = WithJsonSchema({"type": "string"})
AddressText = Annotated[Address, BeforeValidator(_address), PlainSerializer(str), _TEXT]
SpanText = Annotated[Span, BeforeValidator(_span), PlainSerializer(str), _TEXT]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{8}$")]
Flag = Annotated[str, BeforeValidator(_flag)]
ActionName = Annotated[Action, BeforeValidator(_action), PlainSerializer(str), _TEXT]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    def values(self) -> dict[str, Any]:
        """The fields as they are, for the constructor of the value that this part stands for."""
        return vars(self)


class _Call(_Part):
    method: Method
    path: Annotated[str, AfterValidator(sendable)]
    body: Annotated[dict[str, Any], AfterValidator(checked)] | None
    query: dict[str, str]
    fields: tuple[tuple[str, ...], ...]
    returns: tuple[str, ...]
    absorbs: tuple[str, ...]
    repeatable: bool


class _Change(_Part):
    path: Annotated[tuple[str, ...], Field(min_length=1)]
    before: Any
    after: Any
    effect: ActionName
    reason: Reason
    at: SpanText | None


class _Step(_Part):
    address: AddressText
    action: ActionName
    reason: str
    at: SpanText | None
    needs: tuple[AddressText, ...]
    changes: tuple[_Change, ...]
    calls: tuple[_Call, ...]

    def step(self) -> Step:
        changes = tuple(FieldChange(**change.values()) for change in self.changes)
        return Step(
            **self.values() | {"changes": changes, "calls": tuple(Call(**call.values()) for call in self.calls)}
        )


class _Mark(_Part):
    address: AddressText
    flags: tuple[Flag, ...]
    keys: dict[str, Digest]

    def mark(self) -> Mark:
        return Mark(self.address, _by_path(self.keys), **dict.fromkeys(self.flags, True))


class _Basis(_Part):
    deleted: bool
    mark: _Mark | None
    fields: dict[str, Digest | None]
    sensitive: tuple[str, ...]

    def basis(self) -> Basis:
        mark = self.mark.mark() if self.mark else None
        return Basis(self.deleted, mark, _by_path(self.fields), tuple(_path(name) for name in self.sensitive))


class _Stay(_Part):
    address: AddressText
    path: tuple[str, ...]
    why: str
    at: SpanText | None

    def stay(self) -> Stay:
        return Stay(**self.values())


class PlanModel(_Part):
    format: Literal[1]
    tool: str
    stack: str
    target: str
    backend: str
    summary: dict[str, Annotated[int, Field(ge=0)]]
    left_out: Annotated[int, Field(ge=0)]
    steps: tuple[_Step, ...]
    ids: dict[AddressText, str]
    seen: dict[AddressText, str]
    basis: dict[AddressText, _Basis] = Field(default_factory=dict)
    no_lock: str = ""
    server: str = ""
    cannot_remove: tuple[_Stay, ...] = ()
    secrets: dict[str, str] = Field(default_factory=dict)

    def plan(self) -> Plan:
        return Plan(
            stack=self.stack,
            target=self.target,
            backend=self.backend,
            steps=tuple(step.step() for step in self.steps),
            noop=self.summary.get("noop", 0),
            left_out=self.left_out,
            ids=self.ids,
            seen=self.seen,
            basis={address: part.basis() for address, part in self.basis.items()},
            no_lock=self.no_lock,
            server=self.server,
            stays=tuple(stay.stay() for stay in self.cannot_remove),
            secrets=self.secrets,
        )


def _by_path(digests: Mapping[str, T]) -> dict[Path, T]:
    return {_path(name): found for name, found in digests.items()}


def _path(name: str) -> Path:
    return tuple(name.split("/", 1))
