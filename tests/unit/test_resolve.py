"""From manifests to what is declared; and what is wrong in them, each with its code and its exact place."""

import itertools
import os
import subprocess
import sys
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field

from reconciler import registry
from reconciler.core.address import Address
from reconciler.core.change import Secret
from reconciler.core.interpolate import Scope
from reconciler.core.kind import Kind, Resource, rules_of
from reconciler.core.resolve import resolve
from reconciler.core.source import parse
from tests.marked import check, cut

KINDS = registry.kinds()
SCOPE = Scope({"env": "prod", "unset": None}, {"TOKEN": "s3cret", "SCORE": "0.5", "FRAUD": "fraud"}, "local", "ml")
BASE = (
    "experiments: {fraud: {}, churn: {for_each: [eu, us]}, none: {for_each: []}}\nruns: {base: {experiment: fraud}}\n"
)


def documents(*texts):
    names = "abcdefgh"
    parsed = [parse(text, f"{names[number]}.yaml") for number, text in enumerate(texts)]
    assert [problem for _, problems in parsed for problem in problems] == []
    return [document for document, _ in parsed]


def defaults(text):
    document, problems = parse(text, "reconciler.yaml")
    assert problems == []
    return document


def declared(*texts, shared=None, sensitive=(), scope=SCOPE):
    found, problems = resolve(documents(*texts), KINDS, scope, defaults(shared) if shared else None, sensitive)
    assert problems == []
    return found


def one(text, address, **kwargs):
    return declared(text, **kwargs)[Address.parse(address)]


# what is declared


def test_an_entry_without_a_body_is_an_experiment_with_its_key_as_name():
    found = one("experiments:\n  fraud:\n", "experiments.fraud")
    assert found.fields == {("name",): "fraud"}
    assert (found.prevent_destroy, found.keep, found.existing) == (False, False, False)
    assert str(found.at()) == "a.yaml:2:3"
    assert str(found.at(("name",))) == "a.yaml:2:3"


@pytest.mark.parametrize("text", ["", "experiments:\n", "experiments: {}\nruns: {}\n", "# nothing"])
def test_nothing_is_declared(text):
    assert declared(text) == {}


def test_only_what_is_written_is_declared_in_canonical_form():
    text = """
experiments: {fraud: {description: '', prevent_destroy: on, on_remove: keep, tags: {threshold: 0.10, on: off, e: ''}}}
runs:
  base:
    experiment: fraud
    name: n
    status: FINISHED
    start_time: 2026-01-31T10:00:00+01:00
    end_time: 1769850342000
    params: {depth: 06, rate: 1_000}
    metrics: {auc: 0.910, loss: [{step: 1, value: 1e-1}, {value: .nan, timestamp: 2026-01-31}]}
    datasets: [{name: cards, digest: a1, source_type: s3, source: s3://x, schema: s}]
logged_models: {m: {experiment: fraud, source_run: base, type: Agent}}
"""
    found = declared(text)
    assert found[Address("experiments", "fraud")].fields == {
        ("name",): "fraud",
        ("description",): "",
        ("tags", "threshold"): "0.10",
        ("tags", "on"): "off",
        ("tags", "e"): "",
    }
    assert found[Address("experiments", "fraud")].prevent_destroy
    assert found[Address("experiments", "fraud")].keep
    assert found[Address("runs", "base")].fields == {
        ("experiment",): "experiments.fraud",
        ("name",): "n",
        ("status",): "FINISHED",
        ("start_time",): "2026-01-31T09:00:00Z",
        ("end_time",): "2026-01-31T09:05:42Z",
        ("params", "depth"): "06",
        ("params", "rate"): "1_000",
        ("metrics", "auc"): 0.91,
        ("metrics", "loss"): [
            {"step": 1, "value": 0.1},
            {"step": 0, "value": "NaN", "timestamp": "2026-01-31T00:00:00Z"},
        ],
        ("datasets", "cards@a1"): {
            "name": "cards",
            "digest": "a1",
            "source_type": "s3",
            "source": "s3://x",
            "schema": "s",
        },
    }
    assert found[Address("logged_models", "m")].fields == {
        ("experiment",): "experiments.fraud",
        ("name",): "m",
        ("source_run",): "runs.base",
        ("type",): "Agent",
    }


def test_fields_have_the_place_where_they_are_written():
    found = declared(
        BASE,
        """runs:
  r:
    experiment: fraud
    metrics:
      auc: 0.5
    datasets:
      - {name: a, digest: b, source_type: c, source: d}
""",
    )[Address("runs", "r")]
    assert str(found.at(("experiment",))) == "b.yaml:3:5"
    assert str(found.at(("metrics", "auc"))) == "b.yaml:5:7"
    assert str(found.at(("datasets", "a@b"))) == "b.yaml:7:9"
    assert str(found.at(("tags", "nowhere"))) == "b.yaml:2:3"


def test_for_each_over_a_list_and_over_a_map():
    text = """
experiments:
  churn:
    for_each: [eu, "${var.env}"]
    tags: {region: "${each.key}", again: "${each.value}"}
  loss:
    for_each: {a: {n: 1, deep: {x: y}}, "${target}": {n: 2, deep: {x: "${var.env}"}}}
    name: loss-${each.key}
    tags: {n: "${each.value.n}", "${each.value.deep.x}": k}
runs:
  r: {for_each: [eu, prod], experiment: "churn[${each.key}]"}
"""
    found = {str(address): entry.fields for address, entry in declared(text).items()}
    assert found == {
        "experiments.churn[eu]": {("name",): "churn[eu]", ("tags", "region"): "eu", ("tags", "again"): "eu"},
        "experiments.churn[prod]": {("name",): "churn[prod]", ("tags", "region"): "prod", ("tags", "again"): "prod"},
        "experiments.loss[a]": {("name",): "loss-a", ("tags", "n"): "1", ("tags", "y"): "k"},
        "experiments.loss[local]": {("name",): "loss-local", ("tags", "n"): "2", ("tags", "prod"): "k"},
        "runs.r[eu]": {("experiment",): "experiments.churn[eu]", ("name",): "r[eu]"},
        "runs.r[prod]": {("experiment",): "experiments.churn[prod]", ("name",): "r[prod]"},
    }


@pytest.mark.parametrize("items", ["[]", "{}"])
def test_an_empty_for_each_makes_nothing(items):
    assert declared(f"experiments: {{churn: {{for_each: {items}}}}}") == {}


def test_items_may_hold_what_a_key_may_not():
    assert list(declared('experiments: {c: {for_each: ["a b", é, "x/y.z", "💥"]}}')) == [
        Address("experiments", f"c[{item}]") for item in ["a b", "x/y.z", "é", "💥"]
    ]


def test_default_tags_are_joined_and_the_own_win():
    text = "experiments: {a: {tags: {team: own}}, b: {}}\nruns: {r: {experiment: a}}\n"
    found = declared(text, shared="tags:\n  team: shared\n  cost: 4711\n  where: ${target}\n")
    assert found[Address("experiments", "a")].fields == {
        ("name",): "a",
        ("tags", "team"): "own",
        ("tags", "cost"): "4711",
        ("tags", "where"): "local",
    }
    assert found[Address("runs", "r")].fields[("tags", "team")] == "shared"
    assert str(found[Address("experiments", "a")].at(("tags", "team"))) == "a.yaml:1:26"
    assert str(found[Address("experiments", "a")].at(("tags", "cost"))) == "reconciler.yaml:3:3"
    assert str(found[Address("experiments", "b")].at(("tags", "team"))) == "reconciler.yaml:2:3"


def test_default_tags_are_not_put_onto_what_is_somebody_elses():
    found = one("experiments: {a: {existing: true, tags: {k: v}}}", "experiments.a", shared="tags: {team: shared}")
    assert found.existing
    assert found.fields == {("name",): "a", ("tags", "k"): "v"}


@pytest.mark.parametrize("shared", ["{}", "tags:", "tags: x", "x", "tags: {a: [b], c: }"])
def test_defaults_that_the_configuration_found_fault_with_are_left_alone(shared):
    assert one("experiments: {a: }", "experiments.a", shared=shared).fields == {("name",): "a"}


def test_the_order_of_files_and_keys_plays_no_part():
    parts = ["experiments: {b: {}, a: {}}\n", "experiments: {c: {for_each: [z, y]}}\n", "runs: {r: {experiment: a}}\n"]
    expected = [str(address) for address in declared(*parts)]
    assert expected == ["experiments.a", "experiments.b", "experiments.c[y]", "experiments.c[z]", "runs.r"]
    for order in itertools.permutations(documents(*parts)):
        found, problems = resolve(order, KINDS, SCOPE)
        assert ([str(address) for address in found], problems) == (expected, [])


def test_findings_are_the_same_in_every_order_and_with_every_hash_seed():
    script = """
from reconciler import registry
from reconciler.core.interpolate import Scope
from reconciler.core.resolve import resolve
from reconciler.core.source import parse
texts = {"a": "experiments: {x: {tgas: 1, nmae: 2}, y: {name: z}}\\nrun: {}", "b": "experiments: {x: {}, z: {}}"}
for order in (texts, reversed(texts)):
    print(resolve([parse(texts[n], n)[0] for n in order], registry.kinds(), Scope()))
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1
    first, second = outputs.pop().splitlines()
    assert first == second


# secrets


def test_sensitive_texts_from_the_environment_are_secrets():
    text = """
experiments:
  a:
    for_each: {k: {t: "${env.TOKEN}", u: plain}}
    description: d ${env.TOKEN}
    tags: {token: "x-${env.TOKEN}", item: "${each.value.t}", u: "${each.value.u}", open: "${env.TOKEN}"}
runs: {r: {experiment: "a[k]", datasets: [{name: n, digest: d, source_type: s, source: "${env.TOKEN}"}]}}
"""
    sensitive = ("tags.token", "tags.item", "tags.u", "description", "datasets")
    found = declared(text, sensitive=sensitive, shared="tags: {token: '${env.TOKEN}', other: '${env.TOKEN}'}")
    fields = found[Address("experiments", "a[k]")].fields
    templates = {path: value.template for path, value in fields.items() if isinstance(value, Secret)}
    assert templates == {
        ("description",): "d ${env.TOKEN}",
        ("tags", "token"): "x-${env.TOKEN}",
        ("tags", "item"): "${env.TOKEN}",
    }
    assert fields[("tags", "token")] == "x-s3cret"
    run = found[Address("runs", "r")].fields
    assert isinstance(run[("tags", "token")], Secret)
    assert run[("datasets", "n@d")]["source"].template == "${env.TOKEN}"


def test_directives_from_the_environment_are_no_secrets():
    scope = Scope(env={"KEEP": "keep"})
    assert one("experiments: {a: {on_remove: '${env.KEEP}'}}", "experiments.a", sensitive=("*",), scope=scope).keep


@pytest.mark.parametrize(
    "marked",
    [
        "runs: {r: {experiment: fraud, metrics: {auc: ▶'${env.SCORE}'◀}}}",
        "runs: {r: {experiment: ▶'${env.FRAUD}'◀}}",
        "runs: {r: {experiment: fraud, datasets: [{name: ▶'${env.TOKEN}'◀, digest: b, source_type: c, source: d}]}}",
    ],
)
def test_what_would_be_shown_all_the_same_cannot_be_sensitive(marked):
    marked = "experiments: {fraud: {}}\n" + marked
    _, problems = resolve(documents(cut(marked)[0]), KINDS, SCOPE, None, ("metrics.*", "experiment", "datasets.*"))
    check(problems, "bad-value", "a.yaml", cut(marked)[0], marked)


def test_no_finding_shows_a_secret():
    text = "runs: {r: {experiment: '${env.TOKEN}', status: '${env.TOKEN}', start_time: 'x${env.TOKEN}'}}"
    _, problems = resolve(documents(text), KINDS, SCOPE, None, ("*",))
    assert [one.code for one in problems] == ["bad-value", "bad-value"]
    _, problems = resolve(documents("runs: {r: {experiment: '${env.TOKEN}'}}"), KINDS, SCOPE, None, ("*",))
    assert [one.code for one in problems] == ["bad-value", "unknown-reference"]
    assert "s3cret" not in str(problems)


# what is wrong

RUN = "runs: {r: {experiment: fraud, %s}}"
WRONG = [
    # the top
    ("unknown-kind", "▶experiment◀: {}"),
    ("unknown-kind", "▶stack◀: x"),
    ("wrong-type", "▶text◀"),
    ("wrong-type", "▶[◀x]"),
    ("wrong-type", "logged_models: ▶x◀"),
    ("wrong-type", "▶logged_models◀: [x]"),
    # keys
    ("bad-key", "logged_models: {▶a b◀: {experiment: fraud}}"),
    ("bad-key", "logged_models: {▶'a[b]'◀: {experiment: fraud}}"),
    ("bad-key", "logged_models: {▶.a◀: {experiment: fraud}}"),
    ("bad-key", "logged_models: {▶'${var.env}'◀: {experiment: fraud}}"),
    ("bad-key", "logged_models: {▶''◀: {experiment: fraud}}"),
    ("bad-key", 'logged_models: {▶"a\\n"◀: {experiment: fraud}}'),
    # for_each
    ("empty-value", "logged_models: {m: {▶for_each◀: , experiment: fraud}}"),
    ("wrong-type", "logged_models: {m: {for_each: ▶eu◀, experiment: fraud}}"),
    ("wrong-type", "logged_models: {m: {for_each: ▶'${var.env}'◀, experiment: fraud}}"),
    ("wrong-type", "logged_models: {m: {for_each: [a, ▶{◀b: c}], experiment: fraud}}"),
    ("wrong-type", "logged_models: {m: {for_each: [a, ▶[◀b]], experiment: fraud}}"),
    ("empty-value", "logged_models: {m: {for_each: [a, ▶~◀], experiment: fraud}}"),
    ("duplicate-key", "logged_models: {m: {for_each: [a, b, ▶a◀], experiment: fraud}}"),
    ("duplicate-key", "logged_models: {m: {for_each: [prod, ▶'${var.env}'◀], experiment: fraud}}"),
    ("bad-key", "logged_models: {m: {for_each: [▶'a[b]'◀], experiment: fraud}}"),
    ("bad-key", "logged_models: {m: {for_each: [▶''◀], experiment: fraud}}"),
    ("bad-key", 'logged_models: {m: {for_each: {▶"a\\tb"◀: x}, experiment: fraud}}'),
    ("bad-key", "logged_models: {m: {for_each: {▶'{'◀: x}, experiment: fraud}}"),
    ("unknown-name", "logged_models: {m: {for_each: ['▶${var.evn}◀'], experiment: fraud}}"),
    ("each-outside", "logged_models: {m: {for_each: {a: '▶${each.key}◀'}, experiment: fraud}}"),
    ("each-outside", "logged_models: {m: {experiment: fraud, name: '▶${each.key}◀'}}"),
    # expressions
    ("unknown-name", "logged_models: {m: {experiment: '▶${var.evn}◀'}}"),
    ("unset-variable", "logged_models: {m: {experiment: fraud, name: 'x-▶${var.unset}◀'}}"),
    ("unset-env", "runs: {r: {experiment: fraud, start_time: '▶${env.NO}◀', metrics: {a: 1}}}"),
    ("unknown-name", "experiments: {r: {name: '▶${nope}◀'}}"),
    ("bad-interpolation", "experiments: {r: {tags: {a: '▶${◀nope'}}}"),
    # fields
    ("wrong-type", "logged_models: {m: ▶fraud◀}"),
    ("wrong-type", "logged_models: {▶m◀: [fraud]}"),
    ("unknown-key", RUN % "▶tgas◀: {a: b}"),
    ("unknown-key", RUN % "▶artifact_location◀: x"),
    ("unknown-key", RUN % "metrics: {a: [{value: 1, ▶stpe◀: 2}]}"),
    ("unknown-key", RUN % "datasets: [{name: a, digest: b, source_type: c, source: d, ▶sauce◀: x}]"),
    ("unknown-key", RUN % "▶name:x◀, description: y"),
    ("unknown-key", "logged_models: {m: {experiment: fraud, ▶existing◀: true}}"),
    ("missing-field", "runs: {▶r◀: {}}"),
    ("missing-field", "runs:\n  ▶r◀:\n    name: x\n"),
    ("missing-field", RUN % "metrics: {a: [▶{◀step: 1}]}"),
    ("missing-field", RUN % "datasets: [▶{◀digest: b, source_type: c, source: d}]"),
    ("empty-value", RUN % "tags: {▶team◀: }"),
    ("empty-value", RUN % "tags: {▶team◀: ~}"),
    ("empty-value", RUN % "tags: {▶team:risk◀}"),
    ("empty-value", RUN % "▶tags◀: "),
    ("empty-value", RUN % "▶datasets◀: "),
    ("empty-value", RUN % "▶description◀: "),
    ("empty-value", RUN % "▶status◀: "),
    ("empty-value", RUN % "▶start_time◀: "),
    ("empty-value", RUN % "▶prevent_destroy◀: "),
    ("empty-value", RUN % "metrics: {▶a◀: }"),
    ("empty-value", RUN % "metrics: {a: [{▶value◀: }]}"),
    ("empty-value", RUN % "metrics: {a: [▶~◀]}"),
    ("empty-value", "runs: {r: {▶experiment◀: }}"),
    ("wrong-type", RUN % "tags: {▶team◀: [a]}"),
    ("wrong-type", RUN % "tags: {▶team◀: {a: b}}"),
    ("wrong-type", RUN % "tags: ▶a◀"),
    ("wrong-type", RUN % "▶tags◀: [a]"),
    ("wrong-type", RUN % "▶name◀: {a: b}"),
    ("wrong-type", RUN % "▶status◀: [FINISHED]"),
    ("wrong-type", RUN % "▶start_time◀: {a: b}"),
    ("wrong-type", RUN % "▶prevent_destroy◀: [a]"),
    ("wrong-type", RUN % "▶metrics◀: [a]"),
    ("wrong-type", RUN % "metrics: {▶a◀: {value: 1}}"),
    ("wrong-type", RUN % "metrics: {a: [▶1◀]}"),
    ("wrong-type", RUN % "metrics: {a: [{value: 1, ▶step◀: [1]}]}"),
    ("wrong-type", RUN % "datasets: ▶cards◀"),
    ("wrong-type", RUN % "▶datasets◀: {name: a}"),
    ("wrong-type", RUN % "datasets: [▶cards◀]"),
    ("bad-value", RUN % "status: ▶finished◀"),
    ("bad-value", RUN % "status: ▶''◀"),
    ("bad-value", RUN % "on_remove: ▶kep◀"),
    ("bad-value", RUN % "prevent_destroy: ▶maybe◀"),
    ("bad-value", RUN % "start_time: ▶yesterday◀"),
    ("bad-value", RUN % "start_time: ▶1970-01-01◀"),
    ("bad-value", RUN % "start_time: ▶2026-01-31T09:00:00.0001Z◀"),
    ("bad-value", RUN % "metrics: {a: ▶high◀}"),
    ("bad-value", RUN % "metrics: {▶a◀: []}"),
    ("bad-value", RUN % "metrics: {▶a◀: [{value: 1}, {value: 1.0, step: 0}]}"),
    ("bad-value", RUN % "metrics: {a: [{value: 1, step: ▶0.5◀}]}"),
    ("bad-value", RUN % "metrics: {a: [{value: 1, step: ▶9223372036854775808◀}]}"),
    ("bad-value", RUN % "datasets: [{name: ▶''◀, digest: b, source_type: c, source: d}]"),
    # what entries are to each other
    ("unknown-reference", "logged_models: {m: {experiment: ▶frauds◀}}"),
    ("unknown-reference", "logged_models: {m: {experiment: ▶churn◀}}"),
    ("unknown-reference", "logged_models: {m: {experiment: ▶none◀}}"),
    ("unknown-reference", "logged_models: {m: {experiment: ▶'churn[de]'◀}}"),
    ("unknown-reference", "logged_models: {m: {experiment: ▶experiments.fraud◀}}"),
    ("unknown-reference", "logged_models: {m: {experiment: fraud, source_run: ▶m◀}}"),
    ("duplicate-key", RUN % "datasets: [&d {name: a, digest: b, source_type: c, source: d}, ▶{◀<<: *d, source: x}]"),
    ("reserved-key", RUN % "tags: {▶mlflow.note.content◀: x}"),
    ("reserved-key", RUN % "tags: {▶reconciler.ml◀: x}"),
    ("reserved-key", RUN % "tags: {▶'mlflow.${var.env}'◀: x}"),
    ("duplicate-key", RUN % "tags: {prod: x, ▶'${var.env}'◀: y}"),
]


@pytest.mark.parametrize(("code", "marked"), WRONG)
def test_what_is_wrong_has_a_code_and_its_exact_place(code, marked):
    text = cut(marked)[0]
    base = documents(BASE)[0]
    broken, problems = parse(text, "z.yaml")
    assert problems == []
    _, problems = resolve([broken, base], KINDS, SCOPE)
    check(problems, code, "z.yaml", text, marked)


EXPERIMENTS = [
    ("not-managed", "experiments: {x: {existing: true, ▶artifact_location◀: s3://x}}"),
]


@pytest.mark.parametrize(("code", "marked"), EXPERIMENTS)
def test_what_is_wrong_among_experiments(code, marked):
    text = cut(marked)[0]
    check(resolve(documents(text), KINDS, SCOPE)[1], code, "a.yaml", text, marked)


def findings(*texts, shared=None):
    problems = resolve(documents(*texts), KINDS, SCOPE, defaults(shared) if shared else None)[1]
    return [f"{problem.at} {problem.summary}; {problem.hint}" for problem in problems]


def test_a_key_that_is_used_twice_shows_both_places():
    texts = ["experiments: {fraud: {}}", "runs: {}\nexperiments:\n  fraud: {}\n"]
    assert findings(*texts) == ["b.yaml:3:3 experiments.fraud is written twice; the first is at a.yaml:1:15"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("experiment: {}", "'experiment' is not a kind; did you mean 'experiments'?"),
        ("zzz: {}", "'zzz' is not a kind; the kinds are: experiments, logged_models, runs"),
        ("targets: {}", "'targets' is not a kind; it belongs into the reconciler.yaml at the root of the manifests"),
        ("experiments: {a: {tags: {team: }}}", "tags.team has no value; write '' for an empty string"),
        ("experiments: {a: {tags: {a.b: }}}", "tags.'a.b' has no value; write '' for an empty string"),
        ("experiments: {a: {tags: {a:b}}}", "tags.'a:b' has no value; write a blank after the ':'"),
        (
            "experiments: {a: {description: }}",
            "description has no value; write '' for an empty string, or leave the key out",
        ),
        ("experiments: {a: {tags: }}", "tags has no value; write {} for an empty map, or leave the key out"),
        ("experiments: {a: {existing: }}", "existing has no value; write one, or leave the key out"),
        ("experiments: {a: {tgas: {}}}", "tgas is not known; did you mean 'tags'?"),
        (
            "experiments: {a: {zzz: {}}}",
            (
                "zzz is not known; the keys here are: "
                "artifact_location, description, existing, for_each, name, on_remove, permissions, prevent_destroy, "
                "tags"
            ),
        ),
        ("experiments: {a: {tags: {b: [c]}}}", "tags.b is a list; a text belongs there"),
        ("experiments: {a: {tags: b}}", "tags is a text; a map belongs there"),
        ("experiments: {a: {prevent_destroy: 2}}", "prevent_destroy is not true or false; found '2'"),
        (
            "experiments: {a: {on_remove: Keep}}",
            "on_remove cannot be 'Keep'; did you mean 'keep'? it can be delete, keep",
        ),
        ("experiments: {a: {on_remove: zzz}}", "on_remove cannot be 'zzz'; it can be delete, keep"),
        ("experiments: {a: {on_remove: [x]}}", "on_remove is a list; one of delete, keep belongs there"),
        ("experiments: {a: b}", "experiments.a is a text; a map belongs there"),
        ("runs: {a: {}}", "experiment is missing; write `experiment: ...` (A key of `experiments`: where it is)"),
        (
            "runs: {a: {experiment: b}}",
            "experiment names 'b', which is not declared in experiments; no experiments are declared",
        ),
        (
            "experiments: {a: {for_each: [{b: c}]}}",
            "for_each[0] is a map; a text belongs there; where items have fields, for_each is a map",
        ),
    ],
)
def test_findings_say_what_was_found_and_what_to_do(text, words):
    (found,) = findings(text)
    assert found.partition(" ")[2] == words


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("status: finished", ("status cannot be 'finished'; did you mean 'FINISHED'? it can be RUNNING, SCHEDULED, "
         "FINISHED, FAILED, KILLED")),
        ("start_time: soon", "start_time is not a time such as 2026-01-31T09:00:00Z; found 'soon'"),
        ("start_time: [x]", "start_time is a list; a time such as 2026-01-31T09:00:00Z belongs there"),
        ("metrics: {loss: [{step: x, value: 1}]}", "metrics.loss[0].step is not a whole number; found 'x'"),
        ("metrics: {loss: [{step: 9223372036854775808, value: 1}]}",
         "metrics.loss[0].step is not less than 9223372036854775808; found '9223372036854775808'"),
        ("metrics: {loss: {step: 1}}", "metrics.loss is a map; a number or a list of points belongs there"),
        ("metrics: {loss: high}", "metrics.loss is not a number; found 'high'"),
        ("metrics: {loss: []}", "metrics.loss is empty; "),
        (
            "datasets: [{digest: d, source_type: s, source: s}]",
            "datasets[0].name is missing; write `name: ...` (With the digest, what it is known by)",
        ),
        (
            "datasets: [&d {name: n, digest: d, source_type: s, source: s}, *d]",
            "'n@d' is written twice; the entries differ in name or digest",
        ),
    ],
)  # fmt: skip
def test_findings_about_runs(fields, words):
    (found,) = findings(BASE, RUN % fields)
    assert found.partition(" ")[2] == words


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("frauds", "did you mean 'fraud'?"),
        ("experiments.fraud", "did you mean 'fraud'?"),
        ("churn", "its for_each makes churn[eu], churn[us]"),
        ("churn[de]", "did you mean 'churn[eu]'?"),
        ("none", "its for_each is empty"),
        ("zzz", "declared are: churn[eu], churn[us], fraud"),
    ],
)
def test_a_wrong_reference_shows_what_there_is(name, hint):
    (found,) = findings(BASE, f"logged_models: {{m: {{experiment: '{name}'}}}}")
    assert found.endswith(f"; {hint}")


def test_a_reference_to_what_is_wrong_in_itself_is_no_second_finding():
    text = "experiments: {a: {tgas: 1}, b: {for_each: x}, c: {for_each: ['${x}']}}\n"
    text += "runs: {r: {experiment: a}, s: {experiment: 'b[x]'}, t: {experiment: 'c[y]'}, u: {experiment: '${x}'}}\n"
    assert [found.split(" ")[1] for found in findings(text)] == ["tgas", "for_each", "'x'", "'x'"]


def test_all_findings_come_at_once_and_once_for_all_items_of_a_for_each():
    text = "experiments: {a: {for_each: [x, y, z], tgas: 1, name: 'n${each.kye}', tags: {b: }}}\n"
    assert [found.split(" ")[0] for found in findings(text)] == ["a.yaml:1:40", "a.yaml:1:57", "a.yaml:1:78"]


def test_texts_that_could_not_be_filled_in_are_not_taken_for_equal_names():
    text = "experiments: {a: {name: '${x}'}, b: {name: '${x}'}, c: {name: [x], tags: {k: '${y}'}}}\n"
    assert [found.split(" ")[1] for found in findings(text)] == ["'x'", "'x'", "name", "'y'"]


def test_default_tags_can_be_wrong_too():
    found = findings("experiments: {a: , b: }", shared="tags: {mlflow.x: y, k: '${each.key}'}")
    assert [one.split(" ")[0] for one in found] == ["reconciler.yaml:1:8", "reconciler.yaml:1:25"]


def test_runs_may_share_a_name():
    assert len(declared(BASE, "runs: {a: {experiment: fraud, name: n}, b: {experiment: fraud, name: n}}")) == 6


# kinds of other people


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    part: Annotated[str, Field(max_length=3, pattern="^[a-z]*$")] = ""
    size: Annotated[int, Field(gt=0, le=9)] = 1


class Odd(Resource):
    either: float | list[Inner] = 1.0
    many: Annotated[list[str], Field(max_length=1)] = Field(default_factory=list)
    ratio: Annotated[float, Field(lt=1)] = 0.5
    url: Annotated[str, Field(pattern="^http")] = "http"
    even: Annotated[int, Field(multiple_of=2)] = 0


ODD = {"odd": Kind("odd", Odd, rules_of(Odd))}


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ("either: ▶x◀", "bad-value", "either is not a number"),
        ("▶either◀: {a: b}", "wrong-type", "either is a map"),
        ("either: [▶x◀]", "wrong-type", "either[0] is a text"),
        ("either: [{part: x, size: ▶0◀}]", "bad-value", "either[0].size is not more than 0"),
        ("either: [{size: ▶10◀}]", "bad-value", "either[0].size is more than 9"),
        ("either: [{part: ▶abcd◀}]", "bad-value", "either[0].part is longer than 3"),
        ("either: [{part: ▶A◀}]", "bad-value", "either[0].part does not match ^[a-z]*$"),
        ("either: [{▶prat◀: a}]", "unknown-key", "either[0].prat is not known"),
        ("▶many◀: [a, b]", "bad-value", "many has more entries than 1"),
        ("ratio: ▶1◀", "bad-value", "ratio is not less than 1.0"),
        ("url: ▶ftp◀", "bad-value", "url does not match ^http"),
        ("even: ▶3◀", "bad-value", "even should be a multiple of 2"),
    ],
)
def test_a_kind_with_unions_and_bounds_of_its_own(fields, code, words):
    marked = f"odd: {{x: {{{fields}}}}}"
    _, problems = resolve(documents(cut(marked)[0]), ODD, SCOPE)
    check(problems, code, "a.yaml", cut(marked)[0], marked)
    assert problems[0].summary == words


def test_a_kind_may_have_neither_name_nor_tags():
    found, problems = resolve(documents("odd: {x: {ratio: 0.25}}"), ODD, SCOPE, defaults("tags: {a: b}"))
    assert problems == []
    assert found[Address("odd", "x")].fields == {("ratio",): 0.25}


def test_many_wrong_references_among_many_entries_take_no_time():
    text = "experiments:\n" + "".join(f"  experiment-{n}:\n" for n in range(3000))
    text += "runs:\n" + "".join(f"  r{n}: {{experiment: experiment-{n}x}}\n" for n in range(100))
    assert len(findings(text)) == 100
