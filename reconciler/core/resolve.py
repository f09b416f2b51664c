"""From the documents of a stack to the resources that it declares, or to all that is wrong with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.core import entries
from reconciler.core.address import Address
from reconciler.core.change import Secret
from reconciler.core.diagnostics import Diagnostic, Span, error
from reconciler.core.entries import FOR_EACH, Entries, Entry
from reconciler.core.interpolate import Broken, Scope, interpolate
from reconciler.core.kind import Kind, Resource, flatten
from reconciler.core.resource import Desired
from reconciler.core.room import Room
from reconciler.core.sensitive import Sensitive
from reconciler.core.validate import validate
from reconciler.core.words import dotted, listed, shown, suggest
from reconciler.core.written import Document, Part

TAGS = "tags"
_RESERVED = {
    "mlflow.": "tags that begin with 'mlflow.' are the server's; write the field `description` for mlflow.note.content",
    "reconciler.": "tags that begin with 'reconciler.' are the marks by which stacks know what they own",
}
_PREFIXES = tuple(_RESERVED)


def resolve(
    documents: Sequence[Document],
    kinds: Mapping[str, Kind],
    scope: Scope,
    defaults: Document | None = None,
    sensitive: Sequence[str] = (),
) -> tuple[dict[Address, Desired], list[Diagnostic]]:
    """The declared resources by address, sorted, and all that is wrong.

    Args:
        documents: the manifests, in any order.
        kinds: the kinds by name.
        scope: what `${...}` can name, without an item.
        defaults: the `defaults` of the stack: `tags` that are joined into every resource's own.
        sensitive: globs on dotted fields; what these hold from the environment is a Secret.
    """
    secrets = Sensitive(tuple(sensitive))
    shared, errors = shared_tags(defaults, scope, secrets)
    stack = entries.read(documents, kinds, scope, secrets, Room(shared=len(shared.tags)))
    errors += stack.errors
    names: dict[str, set[str]] = {kind: set() for kind in kinds}
    for entry in stack.found:
        names[entry.address.kind].add(entry.address.name)
    forms = {name: _Form.of(kind) for name, kind in kinds.items()}
    resolver = _Resolver(forms, stack, names, shared)
    desired = {}
    for entry in stack.found:
        one, problems = resolver.resolve(entry)
        errors += problems
        if one:
            desired[entry.address] = one
    errors += taken_ids(desired.values())
    # the resources of one for_each share their places, and so their findings
    return desired, sorted(dict.fromkeys(errors), key=lambda d: (d.at or Span("", 0, 0), d.code, d.summary))


@dataclass(frozen=True, slots=True)
class Shared:
    """The stack's default tags, and where they are written."""

    tags: Mapping[str, str]
    document: Document | None


def shared_tags(defaults: Document | None, scope: Scope, sensitive: Sensitive) -> tuple[Shared, list[Diagnostic]]:
    """The default tags; what is no text among them is a finding of the configuration's already."""
    if defaults is None or not isinstance(defaults.value, dict) or not isinstance(defaults.value.get(TAGS), dict):
        return Shared({}, None), []
    document, errors = interpolate(defaults, scope, sensitive)
    tags = {key: value for key, value in document.value[TAGS].items() if isinstance(value, str)}
    return Shared(tags, document), errors + _reserved(tags, document)


@dataclass(frozen=True, slots=True)
class _Form:
    """What all entries of a kind have in common: whether they have a name and tags, and what they can refer to."""

    kind: Kind
    named: bool
    tagged: bool
    references: Mapping[str, str]

    @classmethod
    def of(cls, kind: Kind) -> _Form:
        fields = kind.model.model_fields
        return cls(kind, "name" in fields, TAGS in fields, kind.references)


@dataclass(frozen=True, slots=True)
class _Resolver:
    """What the resolving of all entries shares: `forms` and the `names` that are declared by kind."""

    forms: Mapping[str, _Form]
    stack: Entries
    names: Mapping[str, Collection[str]]
    shared: Shared

    def resolve(self, entry: Entry) -> tuple[Desired | None, list[Diagnostic]]:
        """What `entry` declares; None where it is wrong in itself."""
        form = self.forms[entry.address.kind]
        kind = form.kind
        document = _with_name(entry, form)
        model, errors = validate(kind.model, document, str(entry.address), also=(FOR_EACH,))
        if model is None:
            return None, errors
        values = _declared(model)
        if not entry.plain:
            values, errors = _restored(values, document, kind)
        existing = bool(vars(model).get("existing"))
        errors += _reserved(values.get(TAGS, ()), document)
        errors += _not_managed(values, kind, document) if existing else []
        errors += self.refer(values, form, document)
        document, problems = _with_keys(values, kind, document)
        # of somebody else's resource only the declared keys are managed: the stack's tags are not put onto it
        if not existing and form.tagged:
            values[TAGS] = {**self.shared.tags, **values.get(TAGS, {})}
            document = document.behind(self.shared.document)
        desired = Desired(
            entry.address,
            flatten(kind, values),
            document,
            prevent_destroy=model.prevent_destroy,
            keep=model.on_remove == "keep",
            existing=existing,
            id=vars(model).get("id") or "",
        )
        return desired, errors + problems

    def refer(self, values: dict[str, Any], form: _Form, document: Document) -> list[Diagnostic]:
        """Put addresses in the place of the keys by which `values` name other resources."""
        errors = []
        for field, other in form.references.items():
            name = values.get(field)
            if not isinstance(name, str) or isinstance(name, Broken):
                continue
            values[field] = str(Address(other, name))
            if not self.known(other, name):
                summary = f"{field} names {shown(name)}, which is not declared in {other}"
                errors.append(error("unknown-reference", summary, document.value_at((field,)), self.hint(other, name)))
        return errors

    def known(self, kind: str, name: str) -> bool:
        """Whether it is declared, or would be if its `for_each` were right."""
        return name in self.names.get(kind, ()) or Address(kind, name.partition("[")[0]) in self.stack.broken

    def hint(self, kind: str, name: str) -> str:
        items = self.stack.items.get(Address(kind, name))
        if items is not None:
            return f"its for_each makes {listed(items)}" if items else "its for_each is empty"
        names = self.names.get(kind, ())
        if name.removeprefix(f"{kind}.") in names:
            return f"did you mean '{name.removeprefix(f'{kind}.')}'?"
        return suggest(name, names, "declared are") or f"no {kind} are declared"


def _with_name(entry: Entry, form: _Form) -> Document:
    """The body with the key as its name, where none is written."""
    body = {} if entry.document.value is None else entry.document.value
    if not isinstance(body, dict) or "name" in body or not form.named:
        return entry.document.holding(body)
    return entry.document.holding({"name": entry.address.name, **body})


def _declared(model: Resource) -> dict[str, Any]:
    """What is written, in canonical form and as JSON: no defaults but those within a point or a dataset."""
    return model.model_dump(by_alias=True, exclude_none=True, include=set(model.model_fields_set))


def _restored(values: dict[str, Any], document: Document, kind: Kind) -> tuple[dict[str, Any], list[Diagnostic]]:
    """`values` with the Secret and Broken texts of the document, of which pydantic makes plain ones."""
    errors: list[Diagnostic] = []

    def restored(value: Any, written: Any, path: tuple[Part, ...]) -> Any:
        if isinstance(value, dict) and isinstance(written, dict):
            return {key: restored(inner, written.get(key), (*path, key)) for key, inner in value.items()}
        if isinstance(value, list) and isinstance(written, list):
            return [restored(inner, written[index], (*path, index)) for index, inner in enumerate(value)]
        if not isinstance(written, (Secret, Broken)) or kind.rules[str(path[0])].directive:
            return value
        if isinstance(written, Secret) and (value != written or _shows(kind, path)):
            hint = "only a text that is sent as it is can be kept out of a plan: take the field out of `sensitive`"
            errors.append(error("bad-value", f"{dotted(path)} cannot be sensitive", document.value_at(path), hint))
        return written

    return {name: restored(value, document.value[name], (name,)) for name, value in values.items()}, errors


def _shows(kind: Kind, path: tuple[Part, ...]) -> bool:
    """Whether the field's text becomes part of an address or a path, which every plan shows."""
    rule = kind.rules[str(path[0])]
    return bool(rule.reference) or path[-1] in rule.keyed


def _with_keys(values: Mapping[str, Any], kind: Kind, document: Document) -> tuple[Document, list[Diagnostic]]:
    """The document with the items of keyed lists by their keys, as the fields have them; and keys that come twice."""
    errors = []
    for field, items in values.items():
        if not kind.rules[field].keyed:
            continue
        names: dict[Part, Part] = {}
        for index, item in enumerate(items):
            ((_, name),) = flatten(kind, {field: [item]})
            if name in names.values():
                at, hint = document.at((field, index)), f"the entries differ in {' or '.join(kind.rules[field].keyed)}"
                errors.append(error("duplicate-key", f"{shown(name)} is written twice", at, hint))
            names[index] = name
        document = document.renamed((field,), names)
    return document, errors


def _reserved(tags: Iterable[str], document: Document) -> list[Diagnostic]:
    return [
        error("reserved-key", f"{dotted((TAGS, key))} cannot be declared", document.at((TAGS, key)), why)
        for key in tags
        if key.startswith(_PREFIXES)
        for prefix, why in _RESERVED.items()
        if key.startswith(prefix)
    ]


def _not_managed(values: Iterable[str], kind: Kind, document: Document) -> list[Diagnostic]:
    hint = "of a resource that is somebody else's (existing: true), only what can change is managed"
    return [
        error("not-managed", f"{field} cannot be declared here", document.at((field,)), hint)
        for field in values
        if kind.rules[field].fixed
    ]


def taken_ids(desired: Iterable[Desired]) -> list[Diagnostic]:
    """Ids that two entries name: one live resource cannot be both."""
    errors = []
    first: dict[tuple[str, str], Desired] = {}
    for entry in desired:
        other = first.setdefault((entry.address.kind, entry.id), entry) if entry.id else entry
        if other is not entry:
            summary = f"{entry.address} has the id {shown(entry.id)}, as {other.address} has"
            hint = f"{other.address} has it at {other.at(('id',))}"
            errors.append(error("id-taken", summary, entry.at(("id",)), hint))
    return errors
