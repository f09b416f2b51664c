"""Where a value comes from: the layer, and behind each expression the variable, the environment or the item."""

import pytest

from reconciler import registry
from reconciler.config import load
from reconciler.core.address import Address
from reconciler.core.interpolate import Scope
from reconciler.core.origin import Given, Origin, Origins, Part, expressions_in, written_address
from reconciler.core.resolve import resolve
from reconciler.core.source import parse

SCOPE = Scope({"env": "prod", "tier": "gold"}, {"TOKEN": "s3cret"}, "local", "ml")
GIVEN = {"env": Given("--var"), "tier": Given("default")}
SHARED = 'tags: {team: ml, env: "${var.env}"}\n'


def origin(text, path, address="experiments.fraud", scope=SCOPE, shared=SHARED):
    """Where a field of an entry comes from; the stack has default tags."""
    document = parse(text, "a.yaml")[0]
    desired, problems = resolve([document], registry.kinds(), scope, parse(shared, "reconciler.yaml")[0])
    assert problems == []
    return Origins(desired[Address.parse(address)], scope, GIVEN.__getitem__).of(path)


def places(found):
    return [str(part.at) for part in found.parts if part.at]


def test_what_the_entry_says():
    found = origin("experiments:\n  fraud:\n    tags:\n      team: risk\n", ("tags", "team"))
    assert (found.layer, str(found.at), found.parts) == ("resource", "a.yaml:4:7", ())


def test_what_the_defaults_say():
    found = origin("experiments: {fraud: {}}\n", ("tags", "team"))
    assert (found.layer, str(found.at), found.parts) == ("defaults", "reconciler.yaml:1:8", ())
    assert origin("experiments: {fraud: {}}\n", ("tags", "env")).parts == (Part("variable", "env", "prod", "--var"),)


def test_a_name_that_is_not_written_is_the_key():
    found = origin("experiments:\n  fraud:\n", ("name",))
    assert (found.layer, str(found.at)) == ("key", "a.yaml:2:3")


def test_every_kind_of_expression():
    text = "experiments:\n  fraud:\n    description: ${var.tier} ${var.tier} ${env.TOKEN} ${ target } ${stack} $${x}\n"
    assert origin(text, ("description",)).parts == (
        Part("variable", "tier", "gold", "default"),
        Part("environment", "TOKEN"),
        Part("target", "local"),
        Part("stack", "ml"),
    )


def test_an_expression_in_a_key():
    text = 'experiments:\n  fraud:\n    tags: {"${var.tier}": x, other: "${target}"}\n'
    assert origin(text, ("tags", "gold")).parts == (Part("variable", "tier", "gold", "default"),)


def test_a_text_of_several_lines():
    text = "experiments:\n  fraud:\n    description: |\n      one\n      ${var.tier}\n"
    assert [part.name for part in origin(text, ("description",)).parts] == ["tier"]


def test_the_parts_of_a_list_of_maps():
    text = (
        "experiments: {fraud: }\nruns:\n  r:\n    experiment: fraud\n    datasets:\n"
        "      - {name: a, digest: b, source_type: s3, source: '${var.env}'}\n"
        "      - {name: c, digest: d, source_type: s3, source: '${var.tier}'}\n"
    )
    found = origin(text, ("datasets", "c@d"), "runs.r")
    assert [part.name for part in found.parts] == ["tier"]
    assert str(found.at) == "a.yaml:7:9"


def test_a_variable_that_a_target_takes_from_the_environment_keeps_its_value():
    scope = Scope({}, {"TOKEN": "s3cret"}, "local", "ml")
    secret = Scope({"env": scope.text("env.TOKEN")}, {}, "local", "ml")
    text = 'experiments:\n  fraud: {tags: {a: "${var.env}"}}\n'
    found = origin(text, ("tags", "a"), scope=secret)
    assert found.parts == (Part("variable", "env", None, "--var, ${env.TOKEN}"),)
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("items", "expression", "place"),
    [
        ("[eu, us]", "each.key", "a.yaml:3:20"),
        ("{eu: {owner: a}, us: {owner: b}}", "each.value.owner", "a.yaml:3:37"),
        ("{eu: a, us: b}", "each.key", "a.yaml:3:23"),
        ("[eu, '${var.tier}']", "each.key", "a.yaml:3:5"),
    ],
)
def test_the_item_of_a_for_each(items, expression, place):
    text = f"experiments:\n  fraud:\n    for_each: {items}\n    tags: {{a: '${{{expression}}}'}}\n"
    item = "gold" if "var" in items else "us"
    found = origin(text, ("tags", "a"), f"experiments.fraud[{item}]")
    assert [(part.source, part.name) for part in found.parts] == [("for_each", item)]
    assert places(found) == [place]


def test_an_entry_behind_an_alias_and_a_merge():
    text = "experiments:\n  a: &a\n    tags: {x: '${var.env}'}\n  fraud:\n    <<: *a\n    description: '${var.tier}'\n"
    found = origin(text, ("tags", "x"))
    assert (str(found.at), [part.name for part in found.parts]) == ("a.yaml:3:12", ["env"])


def test_values_can_be_concealed():
    found = origin("experiments: {fraud: {}}\n", ("tags", "env"))
    assert found.concealed() == Origin(found.layer, found.at, (Part("variable", "env", None, "--var"),))


def test_the_expressions_of_a_text():
    assert list(expressions_in("a ${ x } $${y} ${} ${z")) == ["x"]


def test_the_address_of_what_is_written():
    assert written_address(Address.parse("experiments.churn[a.b]")) == Address("experiments", "churn")
    assert written_address(Address.parse("experiments.fraud")) == Address("experiments", "fraud")


# who gives a variable its value

CONFIG = """\
stack: ml
targets:
  local: {url: http://a}
  prod: {url: http://a, variables: {env: prod}}
variables:
  env: {default: dev}
  short: x
  bare:
"""


@pytest.mark.parametrize(
    ("variable", "target", "overrides", "by", "place"),
    [
        ("env", "local", (), "default", "reconciler.yaml:6:9"),
        ("env", "prod", (), "target prod", "reconciler.yaml:4:37"),
        ("env", "prod", ("env",), "--var", "None"),
        ("short", "prod", (), "default", "reconciler.yaml:7:3"),
    ],
)
def test_who_gives_a_variable_its_value(variable, target, overrides, by, place):
    config, problems = load(parse(CONFIG, "reconciler.yaml")[0], registry.backends(), {})
    assert problems == []
    found = config.giver(variable, target, overrides)
    assert (found.by, str(found.at)) == (by, place)
