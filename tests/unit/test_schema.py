"""The JSON Schemas: what editors are told is what is checked."""

import json

from reconciler import registry, schema
from reconciler.core.target import Target

MANIFEST = schema.manifest(registry.kinds())
CONFIG = schema.config(registry.backends())


def body(kind):
    return MANIFEST["properties"][kind]["additionalProperties"]["anyOf"][0]


def references(value):
    """All `$ref` in a schema."""
    if isinstance(value, dict):
        return {value["$ref"]} if "$ref" in value else set().union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_every_kind_is_there_with_every_field_that_its_model_has():
    assert MANIFEST["properties"].keys() == registry.kinds().keys()
    for name, kind in registry.kinds().items():
        fields = {info.alias or field for field, info in kind.model.model_fields.items()}
        assert body(name)["properties"].keys() == fields | {"for_each"}


def test_unknown_keys_are_marked_and_the_name_may_be_left_out():
    assert MANIFEST["additionalProperties"] is False
    for name in registry.kinds():
        assert body(name)["additionalProperties"] is False
        assert "name" not in body(name)["required"]
    assert body("runs")["required"] == ["experiment"]


def test_an_entry_may_be_empty():
    assert {"type": "null"} in MANIFEST["properties"]["experiments"]["additionalProperties"]["anyOf"]


def test_a_number_may_stand_where_a_text_is_kept():
    """`threshold: 0.10` is what people write."""
    tags = body("experiments")["properties"]["tags"]
    assert tags["additionalProperties"]["type"] == ["string", "number", "boolean"]


def test_a_target_has_its_own_entries_and_those_of_its_backend():
    (target,) = [
        one
        for one in CONFIG["properties"]["targets"]["additionalProperties"]["anyOf"]
        if one["properties"]["backend"] == {"const": "mlflow"}
    ]
    own = registry.backends()["mlflow"].options.model_fields
    assert target["properties"].keys() == own.keys() | Target.model_fields.keys()
    assert target["required"] == ["url"]
    assert target["additionalProperties"] is False


def test_a_variable_has_a_short_form():
    short, long = CONFIG["properties"]["variables"]["additionalProperties"]["anyOf"][::-1]
    assert short == {"type": ["string", "number", "boolean"]}
    assert long == {"$ref": "#/$defs/Variable"}


def test_schemas_are_json_and_every_reference_leads_somewhere():
    for made in (MANIFEST, CONFIG):
        assert json.loads(json.dumps(made)) == made
        assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert references(made) <= {f"#/$defs/{name}" for name in made["$defs"]}
