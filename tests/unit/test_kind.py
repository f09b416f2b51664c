"""Kinds: the policy beside each field, and how values become fields by path."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from reconciler.core.kind import DIRECTIVE, Kind, Resource, Rule, flatten, lineage, rules_of
from tests.lives import KINDS

FIXED = Rule(fixed="it cannot move", reference="places", parent=True)


class Thing(Resource):
    home: Annotated[str, FIXED]
    plain: int = 0
    described: Annotated[str | None, Field(description="x")] = None


THINGS = Kind("things", Thing, rules_of(Thing))


def test_a_rule_stands_beside_its_field_and_else_the_plain_rule_holds():
    assert THINGS.rules == {
        "prevent_destroy": DIRECTIVE,
        "on_remove": DIRECTIVE,
        "home": FIXED,
        "plain": Rule(),
        "described": Rule(),
    }
    assert THINGS.rule(("home",)) is FIXED
    assert THINGS.parents == ("places",)
    assert THINGS.references == {"home": "places"}


def test_maps_give_a_field_for_each_key_and_keyed_lists_one_for_each_entry():
    values = {
        "name": "r",
        "tags": {"a.b": "1", "": "2"},
        "metrics": {"loss": [{"step": 0, "value": 1.0}]},
        "datasets": [{"name": "n", "digest": "d", "source": "s", "profile": None}],
        "description": None,
        "params": {},
        "prevent_destroy": True,
        "on_remove": "keep",
    }
    assert flatten(KINDS["runs"], values) == {
        ("name",): "r",
        ("tags", "a.b"): "1",
        ("tags", ""): "2",
        ("metrics", "loss"): [{"step": 0, "value": 1.0}],
        ("datasets", "n@d"): {"name": "n", "digest": "d", "source": "s"},
    }


def test_every_policy_that_forbids_has_a_reason():
    """It reaches the plan, so it reads as the end of a sentence."""
    for kind in KINDS.values():
        for rule in kind.rules.values():
            for why in (rule.fixed, rule.once):
                assert why == why.strip()
                assert not why.endswith(".")
                assert why[:1] == why[:1].lower()


def test_every_reference_names_a_kind_and_every_parent_is_fixed():
    for kind in KINDS.values():
        assert set(kind.references.values()) <= KINDS.keys()
        assert all(rule.fixed for rule in kind.rules.values() if rule.parent)
        assert all(rule.once for rule in kind.rules.values() if rule.keyed)


def test_only_what_is_unique_is_irreplaceable():
    assert {name for name, kind in KINDS.items() if kind.unique} == {"experiments"}
    assert {name for name, kind in KINDS.items() if kind.irreplaceable} == {"experiments"}


def test_what_is_only_ever_added_to_is_known_by_its_rule():
    assert [rule.append_only for rule in (Rule(series=True), Rule(once="written once"), Rule(fixed="no"))] == [
        True,
        True,
        False,
    ]


def test_the_lineage_of_a_kind_is_all_that_it_lives_in():
    versions = replace(THINGS, name="versions", rules={"model": Rule(reference="logged_models", parent=True)})
    deep = {**KINDS, "versions": versions}
    assert lineage(["experiments"], deep) == {"experiments"}
    assert lineage(["runs", "experiments"], deep) == {"runs", "experiments"}
    assert lineage(["versions"], deep) == {"versions", "logged_models", "experiments"}
    assert lineage(["nothing"], deep) == set()
