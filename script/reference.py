"""Writes docs/reference/ from the program: its commands, the fields of its files, its exit codes, its findings.

`python script/reference.py --check` writes nothing, and exits with 1 where a page is not what the program makes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from messages import messages, warnings
from pydantic import BaseModel

from reconciler import registry, schema
from reconciler.cli import COMMANDS
from reconciler.cli.exits import CREDENTIALS, ERROR, MEANINGS, PARTIAL, REFUSALS, REFUSED, USAGE
from reconciler.config import Defaults, File, Safety, Variable
from reconciler.core.kind import Resource, Rule
from reconciler.core.target import Target
from reconciler.kinds.fields import Point
from reconciler.kinds.run import Dataset

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"
_NOTE = "<!-- Written by script/reference.py from the program; change the program, then run it. -->"
_SCALARS = {"string", "number", "boolean"}


def pages() -> dict[str, str]:
    """The text of each page by its file name."""
    made = {"commands": _commands(), "manifests": _manifests(), "configuration": _configuration(), "codes": _codes()}
    return {f"{name}.md": "\n".join([_NOTE, "", *lines]).rstrip("\n") + "\n" for name, lines in made.items()}


def _commands() -> Iterator[str]:
    made = {name: import_module(f"reconciler.cli.{name}").command for name in COMMANDS}
    common = {one.name for one in made["validate"].params if isinstance(one, click.Option)}
    yield from ("# Every command", "", "What they do, with examples: [commands](../commands.md).", "")
    yield from ("## Options of every command", "")
    yield from _options(one for one in made["validate"].params if one.name in common)
    for name, command in made.items():
        usage = " ".join(command.collect_usage_pieces(click.Context(command)))
        yield from (f"## `{name}`", "", command.help or "", "", "```text", f"reconciler {name} {usage}", "```", "")
        if own := [one for one in command.params if one.name not in common and isinstance(one, click.Option)]:
            yield from _options(own)
    yield from ("## Exit codes", "")
    yield from _table(("code", "meaning"), ((str(code), words) for code, words in MEANINGS.items()))


def _options(options: Iterable[click.Parameter]) -> Iterator[str]:
    rows = [(_names(one), _value(one), _help(one)) for one in options if isinstance(one, click.Option)]
    yield from _table(("option", "value", "meaning"), rows)


def _names(option: click.Option) -> str:
    return " ".join(f"`{name}`" for name in option.opts)


def _value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return ", ".join(f"`{choice}`" for choice in option.type.choices)
    bounds = f", {option.type.min} to {option.type.max}" if isinstance(option.type, click.IntRange) else ""
    return f"`{option.metavar}`{bounds}"


def _help(option: click.Option) -> str:
    again = "" if not option.multiple or "several times" in (option.help or "") else " May be given several times."
    return f"{option.help}{again}"


def _manifests() -> Iterator[str]:
    yield from (
        "# Every field of a manifest",
        "",
        "What they are for, with examples: [manifests](../manifests.md).",
        "",
    )
    yield from ("## Fields of every kind", "")
    yield from _fields(Resource, {})
    yield from (f"`for_each`, a list of texts or a map: {_for_each()}", "")
    kinds = registry.kinds()
    for name, kind in ((name, kinds[name]) for name in schema.order(kinds)(()) if name in kinds):
        own = {field: kind.rules[field] for field in kind.order if field not in Resource.model_fields}
        yield from (f"## `{name}`", "")
        yield from _fields(kind.model, own, only=own)
    for title, model in (("A point of a metric", Point), ("A dataset", Dataset)):
        yield from (f"## {title}", "")
        yield from _fields(model, {})


def _for_each() -> str:
    """What the schema says of it; it is no field of a model."""
    sections = schema.manifest(registry.kinds())["properties"]
    body = sections["experiments"]["additionalProperties"]
    return re.sub(r"(\$\{[\w.]+\})", r"`\1`", body["properties"]["for_each"]["description"])


def _configuration() -> Iterator[str]:
    about = "What it is for, with examples: [manifests](../manifests.md#reconcileryaml) and [targets](../targets.md)."
    yield from ("# Every field of reconciler.yaml", "", about, "")
    models = {"`variables`": Variable, "`defaults`": Defaults, "`safety`": Safety, "Every target": Target}
    parts = {"The file": File, **models}
    parts |= {f"A target of `{one.name}`": one.options for one in registry.backends().values()}
    for title, model in parts.items():
        yield from (f"## {title}", "")
        yield from _fields(model, {})
        if model is File:
            yield from (
                "`targets`: a map of servers, each with the fields of every target and those of its backend.",
                "",
            )


def _fields(model: type[BaseModel], rules: Mapping[str, Rule], only: Iterable[str] | None = None) -> Iterator[str]:
    """A table of a model's fields; with `rules` also of what becomes of each once the resource is made."""
    whole = model.model_json_schema()
    required = set(whole.get("required", ())) - ({"name"} if rules else set())
    rows = []
    for name in model.model_fields if only is None else only:
        info = model.model_fields[name]
        shown = info.alias or name
        part = whole["properties"][shown]
        told = " ".join(
            filter(None, ["Required." if shown in required else "", _sentence(info.description), _default(part)])
        )
        form = _reference(rules[name]) if rules else ""
        rows.append((f"`{shown}`", form or _form(part), told, *([_fate(rules[name])] if rules else [])))
    yield from _table(("field", "value", "meaning", *(["later"] if rules else [])), rows)


def _sentence(text: str | None) -> str:
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}." if text else ""


def _default(part: Mapping[str, Any]) -> str:
    value = part.get("default")
    plain = not isinstance(value, str | int) or value == "" or "Default: " in part.get("description", "")
    return "" if plain else f"Default: `{str(value).lower() if isinstance(value, bool) else value}`."


def _reference(rule: Rule) -> str:
    return "a key" if rule.reference else ""


def _fate(rule: Rule) -> str:
    """What can become of a field, or of an entry of it, once the resource is made."""
    if rule.directive:
        return ""
    if rule.series:
        return "points are added"
    fixed = f"cannot change: {rule.fixed}" if rule.fixed else ""
    return fixed or (f"entries are added: {rule.once}" if rule.once else "changes in place")


def _form(part: Mapping[str, Any]) -> str:
    """A value's form in words, from its JSON schema."""
    options = [one for one in part.get("anyOf", part.get("oneOf", [part])) if one.get("type") != "null"]
    return " or ".join(dict.fromkeys(map(_simple, options)))


def _simple(part: Mapping[str, Any]) -> str:
    if choices := part.get("enum"):
        return ", ".join(f"`{choice}`" for choice in choices)
    match part.get("type"):
        case "array":
            return f"a list: {_form(part['items'])}"
        case "object":
            inner = part.get("additionalProperties")
            words = _form(inner) if isinstance(inner, dict) else ""
            return "a map" if words in {"", "a text", "a map"} else f"a map: {words}"
        case list() as names:
            return "a text" if set(names) == _SCALARS else _either(names)
        case str() as name:
            return _either([name])
    return {"Point": "[a point](#a-point-of-a-metric)", "Dataset": "[a dataset](#a-dataset)"}.get(
        str(part.get("$ref", "")).rpartition("/")[2], "a map"
    )


def _either(names: Sequence[str]) -> str:
    words = {"string": "a text", "number": "a number", "integer": "a whole number", "boolean": "`true` or `false`"}
    return " or ".join(words[name] for name in names)


def _codes() -> Iterator[str]:
    yield from (
        "# Every finding",
        "",
        "What each means and what to do: [errors](../errors.md). Once an apply has begun, an error ends it",
    )
    yield from (f"with {PARTIAL}. `…` stands for what the words are about; some are put together, and not shown.", "")
    exits = dict.fromkeys(REFUSALS, REFUSED) | {"credentials": CREDENTIALS, "usage": USAGE}
    exits |= dict.fromkeys(warnings(), "a warning")
    rows = (
        (f"`{code}`", str(exits.get(code, ERROR)), "<br>".join(f"`{one}`" for one in texts))
        for code, texts in messages().items()
    )
    yield from _table(("code", "exits with", "says"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), ' ') for cell in row)} |"
    yield ""


def main() -> int:
    made = pages()
    there = {file.name: file.read_text(encoding="utf-8") for file in REFERENCE.glob("*.md")}
    if "--check" in sys.argv:
        wrong = sorted(name for name in {*made, *there} if made.get(name) != there.get(name))
        for name in wrong:
            print(f"docs/reference/{name} is not what the program makes: run script/reference.py")
        return int(bool(wrong))
    REFERENCE.mkdir(exist_ok=True)
    for name, text in made.items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
