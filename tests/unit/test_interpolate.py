"""`${...}`: what stands for what, where it is wrong, and what stays secret."""

from dataclasses import replace

import pytest

from reconciler.core.change import Secret
from reconciler.core.diagnostics import Failed
from reconciler.core.interpolate import Broken, Each, Scope, interpolate
from reconciler.core.limits import check as check_limits
from reconciler.core.sensitive import Sensitive
from reconciler.core.source import parse
from tests.lives import KINDS, WIRES, entry, path
from tests.marked import check, cut

EACH = Each("eu", {"region": "eu-1", "deep": {"er": "x"}, "list": ["a"], "none": None, "days": "030"})
SCOPE = Scope(
    variables={"env": "prod", "money": "${var.env}$", "unset": None, "a-b": "dash"},
    env={"TOKEN": "s3cret", "EMPTY": "", "ODD NAME": "odd"},
    target="local",
    stack="fraud",
    each=EACH,
)


def fill(text, scope=SCOPE, sensitive=()):
    document, problems = parse(text, "f.yaml")
    assert problems == []
    return interpolate(document, scope, Sensitive(tuple(sensitive)))


def value(text, scope=SCOPE, sensitive=()):
    document, problems = fill(text, scope, sensitive)
    assert problems == []
    return document.value


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${var.env}", "prod"),
        ("a ${var.env}-${target}/${stack} z", "a prod-local/fraud z"),
        ("${ var.env }", "prod"),
        ("${var.a-b}", "dash"),
        ("${env.TOKEN}", "s3cret"),
        ("x${env.EMPTY}y", "xy"),
        ("${env.ODD NAME}", "odd"),
        ("${each.key}", "eu"),
        ("${each.value.region}", "eu-1"),
        ("${each.value.deep.er}", "x"),
        ("${each.value.days}", "030"),
        ("$${var.env}", "${var.env}"),
        ("$${", "${"),
        ("$$${var.env}", "$${var.env}"),
        ("$ {var.env} $var } {", "$ {var.env} $var } {"),
        ("${var.money}", "${var.env}$"),
        ("costs 5$", "costs 5$"),
    ],
)
def test_what_stands_for_what(text, result):
    assert value(f"a: '{text}'") == {"a": result}
    assert type(value(f"a: '{text}'")["a"]) is str


def test_the_item_of_a_list_is_a_text():
    scope = Scope(each=Each("eu", "eu"))
    assert value("a: ${each.key} ${each.value}", scope) == {"a": "eu eu"}


def test_keys_and_values_are_replaced_wherever_they_stand():
    text = "'${target}': {'k-${stack}': ['${var.env}', {x: '${each.key}'}, plain], n: , m: [~]}\n"
    assert value(text) == {"local": {"k-fraud": ["prod", {"x": "eu"}, "plain"], "n": None, "m": [None]}}
    assert value("'${stack}'") == "fraud"


def test_interpolated_keys_keep_their_places():
    document, _ = fill("a:\n  '${target}':\n    b: 1\n    '${stack}': {'${each.key}': x}\n  c: 2\n")
    assert str(document.at(("a", "local"))) == "f.yaml:2:3"
    assert str(document.at(("a", "local", "b"))) == "f.yaml:3:5"
    assert str(document.at(("a", "local", "fraud"))) == "f.yaml:4:5"
    assert str(document.at(("a", "local", "fraud", "eu"))) == "f.yaml:4:18"
    assert str(document.at(("a", "c"))) == "f.yaml:5:3"


def test_what_has_no_expression_stays_the_same_object():
    document, _ = parse("a: {b: [c, {d: e}]}\nf: '${target}'\n", "f.yaml")
    filled, _ = interpolate(document, SCOPE)
    assert filled.value["a"] is document.value["a"]
    part = document.sub(("a",))
    assert interpolate(part, SCOPE) == (part, [])
    assert interpolate(part, SCOPE)[0] is part


WRONG = [
    ("unknown-name", "a: x ▶${var.evn}◀ y"),
    ("unknown-name", "a: ▶${evn}◀"),
    ("unknown-name", "a: ▶${}◀"),
    ("unknown-name", "a: ▶${env}◀"),
    ("unknown-name", "a: ▶${env.}◀"),
    ("unknown-name", "a: ▶${var}◀"),
    ("unknown-name", "a: ▶${var.env.x}◀"),
    ("unknown-name", "a: ▶${target.x}◀"),
    ("unknown-name", "a: ▶${each}◀"),
    ("unknown-name", "a: ▶${each.name}◀"),
    ("unknown-name", "a: ▶${each.key.x}◀"),
    ("unknown-name", "a: ▶${each.value.nope}◀"),
    ("unknown-name", "a: ▶${each.value.region.x}◀"),
    ("unknown-name", 'a: "\\t é $${x} ▶${nope}◀ ${target}"'),
    ("unknown-name", "a: 'it''s ${target} ▶${nope}◀'"),
    ("unknown-name", "a: {b: [x, {c: '▶${nope}◀'}]}"),
    ("unknown-name", "'▶${nope}◀': x"),
    ("unknown-name", "a: {'x-▶${nope}◀': '${target}'}"),
    ("unknown-name", "▶${nope}◀"),
    ("unknown-name", "a: ▶|◀\n  x\n  ${nope}\n"),
    ("unknown-name", "a: >-\n  x\nb: ▶x◀\n  ${nope}\n"),
    ("bad-interpolation", "a: x ▶${◀var.env"),
    ("bad-interpolation", "a: '▶${◀ {b} }'"),
    ("bad-interpolation", "a: ▶${each.value}◀"),
    ("bad-interpolation", "a: ▶${each.value.deep}◀"),
    ("bad-interpolation", "a: ▶${each.value.list}◀"),
    ("empty-value", "a: ▶${each.value.none}◀"),
    ("unset-variable", "a: ▶${var.unset}◀"),
    ("unset-env", "a: ▶${env.NOPE}◀"),
    ("duplicate-key", "{local: 1, ▶'${target}'◀: 2}"),
]


@pytest.mark.parametrize(("code", "marked"), WRONG)
def test_what_is_wrong_has_a_code_and_its_exact_place(code, marked):
    text = cut(marked)[0]
    check(fill(text)[1], code, "f.yaml", text, marked)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${var.evn}", "'var.evn' is not known; did you mean 'var.env'?"),
        ("${env}", "'env' is not known; did you mean 'var.env'?"),
        ("${Target}", "'Target' is not known; did you mean 'target'?"),
        (
            "${zzz}",
            (
                "'zzz' is not known; known, beside env.NAME, are: "
                "each.key, each.value, stack, target, var.a-b, var.env, var.money, var.unset"
            ),
        ),
        ("${var.unset}", "the variable 'unset' has no value; pass --var unset=value"),
        ("${env.NOPE}", "the environment variable 'NOPE' is not set; set NOPE"),
        ("${each.value}", "'each.value' is a map; use one of its fields, such as: days, deep, list, none, region"),
        ("${each.value.list}", "'each.value.list' is a list; only a text can stand within a text"),
        ("${each.value.regoin}", "'each.value' has no 'regoin'; did you mean 'region'?"),
        ("${each.value.region.x}", "'each.value.region' has no 'x'; "),
        ("${each.value.none}", "'each.value.none' has no value; write '' for an empty string"),
        ("${x", "'${' is never closed; write '}' at its end, or $${ for a literal ${"),
    ],
)
def test_findings_say_what_to_do(text, words):
    (found,) = fill(f"a: {text}")[1]
    assert f"{found.summary}; {found.hint}" == words


@pytest.mark.parametrize("name", ["key", "value", "value.x", "nope"])
def test_each_outside_of_a_for_each(name):
    text = f"a: ▶${{each.{name}}}◀"
    check(fill(cut(text)[0], Scope())[1], "each-outside", "f.yaml", cut(text)[0], text)


def test_all_findings_of_a_text_come_at_once_and_it_is_broken():
    document, problems = fill("a: ${x} ${target} ${y}\nb: ${target}\n'${z}': c\n")
    assert [str(one.at) for one in problems] == ["f.yaml:1:4", "f.yaml:1:19", "f.yaml:3:2"]
    assert isinstance(document.value["a"], Broken)
    assert document.value["a"] == "${x} ${target} ${y}"
    assert document.value["b"] == "local"
    assert list(document.value) == ["a", "b"]


def test_what_holds_something_broken_is_broken_without_another_finding():
    scope = Scope({"v": Broken("${nope}")})
    document, problems = fill("a: x-${var.v}", scope)
    assert problems == []
    assert isinstance(document.value["a"], Broken)


# secrets


def secret(text, globs=("tags.*",), scope=SCOPE):
    found = value(f"tags: {{t: '{text}'}}", scope, globs)["tags"]["t"]
    assert isinstance(found, Secret)
    assert scope.secret(found.template) == found
    return str(found), found.template


def test_a_sensitive_text_from_the_environment_is_a_secret():
    assert secret("${env.TOKEN}") == ("s3cret", "${env.TOKEN}")
    assert secret("${ env.TOKEN }") == ("s3cret", "${env.TOKEN}")
    assert secret("a-${var.env}-${env.TOKEN}/${target}") == ("a-prod-s3cret/local", "a-prod-${env.TOKEN}/local")
    assert secret("${env.TOKEN}$${x}${var.money}") == ("s3cret${x}${var.env}$", "${env.TOKEN}$${x}$${var.env}$")


@pytest.mark.parametrize("globs", [("tags.t",), ("tags.*",), ("*",), ("tags",), ("x", "t*")])
def test_globs_on_dotted_fields_and_on_what_holds_them(globs):
    assert secret("${env.TOKEN}", globs)


def test_a_part_of_a_list_is_sensitive_as_the_list_is():
    text = "datasets: [{source: '${env.TOKEN}'}]"
    for globs in [("datasets",), ("datasets.source",), ("datasets.*",)]:
        assert isinstance(value(text, sensitive=globs)["datasets"][0]["source"], Secret)


def test_what_is_not_sensitive_or_not_from_the_environment_is_plain():
    found = value("tags: {t: '${env.TOKEN}', u: '${var.env}'}\ntag: '${env.TOKEN}'", sensitive=("tags.u",))
    assert {type(text) for text in (*found["tags"].values(), found["tag"])} == {str}


def test_secrets_pass_through_variables_and_items():
    scope = Scope(
        variables={"v": Secret("abc", "${env.A}")}, env={"A": "abc"}, each=Each("k", {"f": Secret("abc", "${env.A}")})
    )
    assert secret("${var.v}-${each.value.f}", scope=scope) == ("abc-abc", "${env.A}-${env.A}")
    assert type(value("a: ${var.v}", scope)["a"]) is str


@pytest.mark.parametrize("text", ["${var.money}${env.TOKEN}", "${var.dollar}${env.BRACE}", "${var.dollar}${env.SLY}"])
def test_a_template_that_would_not_give_the_text_again_is_refused(text):
    scope = Scope({"money": "$", "dollar": "$"}, {"TOKEN": "x", "BRACE": "{x}", "SLY": "${x"})
    _, problems = fill(f"a: '{text}'", scope, ("*",))
    assert [one.code for one in problems] == ["bad-interpolation"]
    assert str(problems[0].at) == "f.yaml:1:4"


def test_a_template_that_reads_otherwise_is_refused():
    scope = Scope({"v": Secret("{x}", "{x}"), "money": "$"}, {})
    assert [one.code for one in fill("a: '${var.money}${var.v}'", scope, ("*",))[1]] == ["bad-interpolation"]


def test_a_template_whose_variable_is_gone_is_an_error():
    with pytest.raises(Failed) as failed:
        Scope().secret("x${env.GONE}")
    assert [one.code for one in failed.value.diagnostics] == ["unset-env"]


def test_a_scope_shows_none_of_its_texts():
    assert "s3cret" not in repr(SCOPE)
    assert "prod" not in repr(SCOPE)


def test_no_limit_is_held_against_a_text_that_could_not_be_replaced():
    """Nor against a dataset with such a text in it: the text has its own finding."""
    run = entry("runs.r", experiment="fraud")
    name = Broken("${var.nothing}" + "x" * 1000)
    fields = {**run.fields, path("name"): name, path("datasets.a@b"): {"name": name}}
    assert check_limits({run.address: replace(run, fields=fields)}, KINDS, WIRES, "mlflow") == []
