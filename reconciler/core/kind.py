"""A kind of resource: the model that a person writes against, and the policy of each of its fields as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from reconciler.core.change import Path, Value


@dataclass(frozen=True, slots=True)
class Rule:
    """The policy of one field, with the reason where there is one to tell.

    Attributes:
        made: what the server gives to one that is made without.
        fixed: why the field cannot change once the resource is made.
        once: why an entry of this map cannot change or go once it is written; entries may be added.
        series: values are appended to, never overwritten or removed (metrics).
        server_default: unset means that the server chooses; dropping the field stops managing it.
        keyed: the parts that make the key of an entry, where a person writes a list.
        agreed: the parts of an entry that are one for all resources with one parent (MLflow's datasets).
        reference: the kind that the value names.
        parent: the resource lives inside the one that this reference names.
        directive: tells the reconciler something; never sent to a server.
        access: says who may do what. Before it changes, the caller has to be known, who must not lock itself out; and a
            server may be able to take one entry away only by writing all the others, so that a plan depends on those.
    """

    made: str = ""
    fixed: str = ""
    once: str = ""
    series: bool = False
    server_default: bool = False
    keyed: tuple[str, ...] = ()
    agreed: tuple[str, ...] = ()
    reference: str = ""
    parent: bool = False
    directive: bool = False
    access: bool = False

    @property
    def append_only(self) -> bool:
        """Whether values are only ever added: they cannot change under what does not touch them."""
        return self.series or bool(self.once)


DIRECTIVE = Rule(directive=True)


class Resource(BaseModel):
    """What every kind of resource can say in a manifest."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    prevent_destroy: bool = Field(
        default=False,
        description="Deleting or replacing it is an error while planning; recorded on the server as well.",
    )
    on_remove: Literal["delete", "keep"] = Field(
        default="delete", description="What happens to it when its entry is dropped: deleted, or kept without its mark."
    )


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of resource.

    Attributes:
        name: the plural of the manifests.
        unique: the server holds each name once.
        irreplaceable: why one is never made anew.
        restorable: one that was deleted can still be read, and restored.
    """

    name: str
    model: type[Resource]
    rules: Mapping[str, Rule]
    unique: bool = False
    irreplaceable: str = ""
    restorable: bool = True

    def rule(self, path: Path) -> Rule:
        return self.rules[path[0]]

    @property
    def parents(self) -> tuple[str, ...]:
        return tuple(rule.reference for rule in self.rules.values() if rule.parent)

    @property
    def order(self) -> tuple[str, ...]:
        """The fields in the order in which people read them: what a person looks for first stands first."""
        first = (*(name for name, rule in self.rules.items() if rule.parent), "name", "id", "existing")
        own = [name for name in self.model.model_fields if name not in Resource.model_fields]
        every = dict.fromkeys((*first, *own, *Resource.model_fields))
        return tuple(name for name in every if name in self.model.model_fields)

    @property
    def references(self) -> Mapping[str, str]:
        """The fields that name another resource, and the kind that each names."""
        return {name: rule.reference for name, rule in self.rules.items() if rule.reference}


def lineage(names: Iterable[str], kinds: Mapping[str, Kind]) -> set[str]:
    """The kinds with these names, and those that they live in."""
    found: set[str] = set()
    waiting = [*names]
    while waiting:
        name = waiting.pop()
        if name in kinds and name not in found:
            found.add(name)
            waiting += kinds[name].parents
    return found


def rules_of(model: type[Resource]) -> dict[str, Rule]:
    """The rules beside the fields of `model` (`Annotated[str, Rule(...)]`); the plain rule where there is none."""
    return {name: _rule(name, info.metadata) for name, info in model.model_fields.items()}


def flatten(kind: Kind, values: Mapping[str, Any]) -> dict[Path, Value]:
    """The fields of a resource by path: a map gives a path per key, a keyed list a path per entry, else one path."""
    fields: dict[Path, Value] = {}
    for name, value in values.items():
        rule = kind.rules[name]
        if rule.directive or value is None:
            continue
        if rule.keyed:
            fields.update({(name, _key(entry, rule.keyed)): _written(entry) for entry in value})
        elif isinstance(value, dict):
            fields.update({(name, key): entry for key, entry in value.items()})
        else:
            fields[(name,)] = value
    return fields


def _rule(name: str, metadata: list[Any]) -> Rule:
    if name in Resource.model_fields:
        return DIRECTIVE
    return next((item for item in metadata if isinstance(item, Rule)), Rule())


def _key(entry: Mapping[str, Any], keyed: tuple[str, ...]) -> str:
    return "@".join(str(entry[part]) for part in keyed)


def _written(entry: Mapping[str, Any]) -> Value:
    return {name: value for name, value in entry.items() if value is not None}
