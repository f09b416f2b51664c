"""The JSON Schemas: what editors are told is what is checked."""

import json
from pathlib import Path

import pytest

from reconciler import registry, schema
from reconciler.core.target import Target

PUBLISHED = Path(__file__).parents[2] / "schema"

MANIFEST = schema.manifest(registry.kinds())
CONFIG = schema.config(registry.backends())


def body(kind):
    return MANIFEST["properties"][kind]["additionalProperties"]


def targets():
    """The schema of a target by its backend."""
    found, one = {}, CONFIG["properties"]["targets"]["additionalProperties"]
    while "if" in one:
        found[one["if"]["properties"]["backend"]["const"]] = one["then"]
        one = one["else"]
    return found | {"mlflow": one}


def fields(node, path=()):
    """Every field in a schema, with where it stands."""
    if isinstance(node, dict):
        for name, part in node.get("properties", {}).items():
            yield (*path, name), part
        for name, inner in node.items():
            yield from fields(inner, (*path, name))
    elif isinstance(node, list):
        for inner in node:
            yield from fields(inner, path)


def references(value):
    """All `$ref` in a schema."""
    if isinstance(value, dict):
        return {value["$ref"]} if "$ref" in value else set().union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_every_kind_is_there_with_every_field_that_its_model_has():
    assert MANIFEST["properties"].keys() == registry.kinds().keys()
    for name, kind in registry.kinds().items():
        declared = {info.alias or field for field, info in kind.model.model_fields.items()}
        assert body(name)["properties"].keys() == declared | {"for_each"}


def test_unknown_keys_are_marked_and_the_name_may_be_left_out():
    assert MANIFEST["additionalProperties"] is False
    for name in registry.kinds():
        assert body(name)["additionalProperties"] is False
        assert body(name)["allOf"] in ([{"required": []}], [{"required": ["experiment"]}])
    assert body("runs")["allOf"] == [{"required": ["experiment"]}]


def test_an_entry_may_be_empty():
    assert body("experiments")["type"] == ["object", "null"]


def test_a_number_may_stand_where_a_text_is_kept():
    """`threshold: 0.10` is what people write."""
    tags = body("experiments")["properties"]["tags"]
    assert tags["additionalProperties"]["type"] == ["string", "number", "boolean"]


def test_a_target_has_its_own_entries_and_those_of_its_backend():
    assert targets().keys() == registry.backends().keys()
    for name, target in targets().items():
        own = registry.backends()[name].options.model_fields
        assert target["properties"].keys() == own.keys() | Target.model_fields.keys()
        assert target["properties"]["backend"]["enum"] == sorted(registry.backends())
        assert target["additionalProperties"] is False
    assert targets()["mlflow"]["allOf"] == [{"required": ["url"]}]


def test_a_variable_has_a_short_form_and_may_have_no_value():
    kinds = CONFIG["properties"]["variables"]["additionalProperties"]["anyOf"]
    assert kinds == [{"$ref": "#/$defs/Variable"}, {"type": ["string", "number", "boolean"]}, {"type": "null"}]


@pytest.mark.parametrize("made", [MANIFEST, CONFIG], ids=["manifest", "config"])
def test_every_field_has_words_and_offers_nothing_that_may_not_be_written(made):
    found = [one for one in fields(made) if "if" not in one[0]]
    assert len(found) > 25
    for path, part in found:
        assert part.get("description") or part.keys() == {"$ref"}, path
        assert part.get("default", True) not in (None, ""), path
        assert {"type": "null"} not in part.get("anyOf", []), path
        assert "title" not in part, path


def test_an_expression_may_stand_for_what_is_more_than_a_text():
    for field in ("prevent_destroy", "on_remove"):
        assert {"type": "string", "pattern": "\\$\\{"} in body("experiments")["properties"][field]["anyOf"]
    assert {"type": "string", "pattern": "\\$\\{"} in MANIFEST["$defs"]["Point"]["properties"]["step"]["anyOf"]
    assert {"type": "string", "pattern": "\\$\\{"} in targets()["tenant"]["properties"]["parallel"]["anyOf"]


def test_the_published_schemas_are_those_that_the_program_makes():
    """`reconciler schema --out schema` writes them anew."""
    made = schema.files(registry.kinds(), registry.backends())
    assert {file.name: file.read_text() for file in PUBLISHED.iterdir()} == made


def test_schemas_are_json_and_every_reference_leads_somewhere():
    for made in (MANIFEST, CONFIG):
        assert json.loads(json.dumps(made)) == made
        assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert references(made) <= {f"#/$defs/{name}" for name in made["$defs"]}
