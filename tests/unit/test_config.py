"""reconciler.yaml: what it says, which target is chosen, and what is wrong in it."""

import pytest
from pydantic import BaseModel, ConfigDict

from reconciler import registry
from reconciler.config import load
from reconciler.core.change import Secret
from reconciler.core.source import parse
from reconciler.core.wire import Backend, Endpoint
from tests.marked import check, cut


class DatabricksOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    profile: str = ""
    timeout: int = 30


MLFLOW = registry.backends()["mlflow"]
DATABRICKS = Backend("databricks", DatabricksOptions, lambda _: {}, lambda *_: Endpoint())
BACKENDS = {"mlflow": MLFLOW, "databricks": DATABRICKS}
ENVIRON = {"HOST": "https://ml", "USER": "me", "COUNT": "7"}

FULL = """\
stack: fraud-platform
targets:
  local:
    url: sqlite:///mlflow.db
  prod:
    backend: databricks
    profile: P-${var.env}-${stack}-${target}
    parallel: ${env.COUNT}
    variables: {env: prod, who: "${env.USER}"}
    sensitive: ["tags.token", "tags.${var.env}"]
variables:
  env: {default: dev, description: where this runs}
  short: 0.10
  none:
  who:
defaults:
  tags: {team: fraud, cost_center: 4711}
safety:
  max_delete_percent: 10
"""


def loaded(text, environ=None, backends=BACKENDS):
    document, problems = parse(text, "reconciler.yaml")
    assert problems == []
    config, problems = load(document, backends, ENVIRON if environ is None else environ)
    assert problems == []
    return config


def selected(config, name=None, overrides=None, environ=None):
    found, problems = config.select(name, overrides or {}, ENVIRON if environ is None else environ)
    assert problems == []
    return found


def test_all_that_a_configuration_can_say():
    config = loaded(FULL)
    assert config.stack == "fraud-platform"
    assert list(config.targets) == ["local", "prod"]
    assert {name: variable.default for name, variable in config.variables.items()} == {
        "env": "dev",
        "short": "0.10",
        "none": None,
        "who": None,
    }
    assert config.variables["env"].description == "where this runs"
    assert config.defaults.value == {"tags": {"team": "fraud", "cost_center": "4711"}}
    assert str(config.defaults.at(("tags", "team"))) == "reconciler.yaml:17:10"
    assert config.safety.max_delete_percent == 10


def test_a_stack_is_enough():
    config = loaded("stack: a", environ={})
    assert (config.stack, config.default, config.defaults, config.safety.max_delete_percent) == (
        "a",
        "default",
        None,
        30,
    )
    found = selected(config)
    assert (found.name, found.backend, found.options.url) == ("default", "mlflow", "sqlite:///mlflow.db")
    assert (found.scope.target, found.scope.stack) == ("default", "a")


def test_the_first_target_is_the_default_one_unless_another_says_so():
    assert selected(loaded("stack: a\ntargets: {z: {url: x}, b: {url: y}}")).name == "z"
    assert selected(loaded("stack: a\ntargets: {z: {url: x, default: false}, b: {url: y, default: True}}")).name == "b"


def test_the_chosen_target_is_filled_in():
    found = selected(loaded(FULL), "prod")
    assert (found.name, found.backend) == ("prod", "databricks")
    assert found.options == DatabricksOptions(profile="P-prod-fraud-platform-prod")
    assert found.parallel == 7
    assert found.sensitive == ("tags.token", "tags.prod")
    assert found.scope.env == ENVIRON


def test_overrides_win_over_the_target_and_the_target_over_defaults():
    config = loaded(FULL)
    assert selected(config).scope.variables == {"env": "dev", "short": "0.10", "none": None, "who": None}
    found = selected(config, "prod", {"env": "x", "none": ""})
    assert found.scope.variables == {"env": "x", "short": "0.10", "none": "", "who": "me"}
    assert found.options.profile == "P-x-fraud-platform-prod"


def test_a_variable_from_the_environment_stays_a_secret_until_it_is_used():
    who = selected(loaded(FULL), "prod").scope.variables["who"]
    assert isinstance(who, Secret)
    assert who.template == "${env.USER}"


def test_an_override_is_taken_as_it_is():
    assert selected(loaded(FULL), "prod", {"env": "${x}"}).options.profile == "P-${x}-fraud-platform-prod"


def test_other_targets_need_nothing_of_the_environment():
    config = loaded("stack: a\ntargets: {x: {url: u}, y: {url: '${env.NO}', parallel: '${env.NO}', variables: {}}}")
    assert selected(config, environ={}).name == "x"
    _, problems = config.select("y", {}, {})
    assert {one.code for one in problems} == {"unset-env"}
    assert [str(one.at) for one in problems] == ["reconciler.yaml:2:34", "reconciler.yaml:2:57"]


def test_even_the_backend_may_be_filled_in():
    config = loaded("stack: a\nvariables: {b: mlflow}\ntargets: {x: {backend: '${var.b}', url: u}}")
    assert selected(config).backend == "mlflow"
    _, problems = config.select(None, {"b": "mlfow"}, {})
    assert [one.summary for one in problems] == ["there is no backend 'mlfow'"]


@pytest.mark.parametrize(
    ("uri", "backend", "options"),
    [
        ("", "mlflow", {"url": "sqlite:///mlflow.db"}),
        ("http://localhost:5000", "mlflow", {"url": "http://localhost:5000"}),
        ("https://x/${y}", "mlflow", {"url": "https://x/${y}"}),
        ("./mlruns", "mlflow", {"url": "./mlruns"}),
        ("databricks", "databricks", {"profile": ""}),
        ("databricks://", "databricks", {"profile": ""}),
        ("databricks://PROD", "databricks", {"profile": "PROD"}),
    ],
)
@pytest.mark.parametrize("targets", ["", "targets:\n", "targets: {}\n"])
def test_without_targets_the_environment_names_one(uri, backend, options, targets):
    found = selected(loaded(f"stack: a\n{targets}", environ={"MLFLOW_TRACKING_URI": uri}))
    assert (found.name, found.backend) == ("default", backend)
    assert {name: getattr(found.options, name) for name in options} == options


def test_databricks_without_its_backend_is_an_error_that_says_so():
    config = loaded("stack: a", {"MLFLOW_TRACKING_URI": "databricks"}, {"mlflow": MLFLOW})
    _, (found,) = config.select(None, {}, {})
    assert (found.code, found.at) == ("unknown-backend", None)
    assert found.summary == "there is no backend 'databricks'"
    assert found.hint == "MLFLOW_TRACKING_URI asks for it; the backends here are: mlflow"


def test_options_from_the_environment_have_no_place():
    config = loaded("stack: a", {"MLFLOW_TRACKING_URI": "databricks://x"}, {"databricks": MLFLOW})
    _, problems = config.select(None, {}, {})
    assert [(one.code, one.at) for one in problems] == [("missing-field", None), ("unknown-key", None)]


WRONG = [
    ("missing-field", "▶v◀ariables: {}"),
    ("wrong-type", "▶[◀x]"),
    ("wrong-type", "▶x◀"),
    ("bad-value", "stack: ▶Fraud◀"),
    ("bad-value", "stack: ▶-a◀"),
    ("bad-value", "stack: ▶a.b◀"),
    ("bad-value", "stack: ▶''◀"),
    ("bad-value", 'stack: ▶"a\\n"◀'),
    ("bad-value", "stack: ▶" + "a" * 61 + "◀"),
    ("empty-value", "▶stack◀: "),
    ("unknown-key", "stack: a\n▶target◀: {}"),
    ("wrong-type", "stack: a\ntargets: ▶x◀"),
    ("wrong-type", "stack: a\n▶targets◀: [x]"),
    ("wrong-type", "stack: a\ntargets: {x: ▶y◀}"),
    ("wrong-type", "stack: a\ntargets: {▶x◀: []}"),
    ("bad-key", "stack: a\ntargets: {▶a b◀: {url: x}}"),
    ("missing-field", "stack: a\ntargets: {▶x◀: }"),
    ("unknown-backend", "stack: a\ntargets: {x: {backend: ▶mlfow◀, anything: x}}"),
    ("wrong-type", "stack: a\ntargets: {x: {▶backend◀: [mlflow]}}"),
    ("unknown-key", "stack: a\ntargets: {x: {url: u, ▶uri◀: v}}"),
    ("unknown-key", "stack: a\ntargets: {x: {url: u, ▶parralel◀: '${env.NO}'}}"),
    ("unknown-key", "stack: a\ntargets: {x: {backend: databricks, ▶url◀: v}}"),
    ("bad-value", "stack: a\ntargets: {x: {url: u, parallel: ▶65◀}}"),
    ("bad-value", "stack: a\ntargets: {x: {url: u, parallel: ▶0◀}}"),
    ("bad-value", "stack: a\ntargets: {x: {url: u, parallel: ▶many◀}}"),
    ("bad-value", "stack: a\ntargets: {x: {url: u, default: ▶maybe◀}}"),
    ("bad-value", "stack: a\ntargets: {x: {backend: databricks, timeout: ▶soon◀}}"),
    ("bad-value", "stack: a\ntargets: {x: {url: u, default: true}, y: {url: u, ▶default◀: true}}"),
    ("empty-value", "stack: a\ntargets: {x: {▶url◀: }}"),
    ("wrong-type", "stack: a\ntargets: {x: {▶url◀: [u]}}"),
    ("wrong-type", "stack: a\ntargets: {x: {url: u, sensitive: ▶tags◀}}"),
    ("empty-value", "stack: a\ntargets: {x: {url: u, ▶sensitive◀: }}"),
    ("wrong-type", "stack: a\ntargets: {x: {url: u, variables: ▶'${env.X}'◀}}"),
    ("unknown-variable", "stack: a\ntargets: {x: {url: u, variables: {▶evn◀: y}}}\nvariables: {env: z}"),
    ("empty-value", "stack: a\ntargets: {x: {url: u, variables: {▶env◀: }}}\nvariables: {env: z}"),
    ("wrong-type", "stack: a\nvariables: ▶x◀"),
    ("bad-key", "stack: a\nvariables: {▶a b◀: x}"),
    ("wrong-type", "stack: a\nvariables: {▶x◀: [y]}"),
    ("unknown-key", "stack: a\nvariables: {x: {▶defualt◀: y}}"),
    ("empty-value", "stack: a\nvariables: {x: {▶default◀: }}"),
    ("bad-value", "stack: a\nvariables: {x: ▶'${env.USER}'◀}"),
    ("bad-value", "stack: a\nvariables: {x: {default: ▶'a ${env.USER}'◀}}"),
    ("unknown-key", "stack: a\ndefaults: {▶tag◀: {}}"),
    ("empty-value", "stack: a\ndefaults: {tags: {▶team◀: }}"),
    ("wrong-type", "stack: a\ndefaults: {tags: {▶team◀: [x]}}"),
    ("bad-value", "stack: a\nsafety: {max_delete_percent: ▶101◀}"),
    ("bad-value", "stack: a\nsafety: {max_delete_percent: ▶-1◀}"),
    ("bad-value", "stack: a\nsafety: {max_delete_percent: ▶30%◀}"),
]


@pytest.mark.parametrize(("code", "marked"), WRONG)
def test_what_is_wrong_has_a_code_and_its_exact_place(code, marked):
    text = cut(marked)[0]
    document, problems = parse(text, "reconciler.yaml")
    assert problems == []
    config, problems = load(document, BACKENDS, {})
    assert config is None
    check(problems, code, "reconciler.yaml", text, marked)


SELECT = [
    ("unset-env", "url: '▶${env.NO}◀'"),
    ("unset-variable", "url: 'http://▶${var.none}◀'"),
    ("unknown-name", "url: '▶${var.x}◀'"),
    ("each-outside", "url: '▶${each.key}◀'"),
    ("bad-value", "url: u, parallel: ▶'${env.HOST}'◀"),
    ("unset-env", "url: '${var.v}', variables: {v: '▶${env.NO}◀'}"),
    ("unknown-name", "url: u, variables: {v: '▶${var.none}◀'}"),
]


@pytest.mark.parametrize(("code", "fields"), SELECT)
def test_what_is_wrong_with_the_chosen_target(code, fields):
    marked = f"stack: a\nvariables: {{none: , v: w}}\ntargets: {{x: {{{fields}}}}}\n"
    text = cut(marked)[0]
    found, problems = loaded(text).select("x", {}, ENVIRON)
    assert found is None
    check(problems, code, "reconciler.yaml", text, marked)


@pytest.mark.parametrize(
    ("name", "overrides", "words"),
    [
        ("prd", {}, ["'prd' is not a target; did you mean 'prod'?"]),
        ("zzz", {}, ["'zzz' is not a target; the targets are: local, prod"]),
        (None, {"evn": "x"}, ["'evn' is not a variable; did you mean 'env'?"]),
        ("zzz", {"evn": "x"}, [
            "'evn' is not a variable; did you mean 'env'?", "'zzz' is not a target; the targets are: local, prod",
        ]),
    ],
)  # fmt: skip
def test_unknown_targets_and_variables(name, overrides, words):
    found, problems = loaded(FULL).select(name, overrides, ENVIRON)
    assert found is None
    assert [f"{one.summary}; {one.hint}" for one in problems] == words
    assert [one.at for one in problems] == [None] * len(words)


def test_an_override_where_no_variable_is_declared():
    _, (found,) = loaded("stack: a").select(None, {"x": "y"}, {})
    assert found.hint == "declare it under `variables` in reconciler.yaml"


def test_no_finding_shows_what_comes_from_the_environment():
    config = loaded("stack: a\ntargets: {x: {backend: databricks, timeout: '${env.HOST}'}}")
    _, (found,) = config.select(None, {}, ENVIRON)
    assert found.hint == "found '${env.HOST}'"


def test_nothing_is_made_of_what_is_no_yaml():
    assert load(None, BACKENDS, {}) == (None, [])


def test_an_empty_file_lacks_a_stack():
    document, _ = parse("", "reconciler.yaml")
    _, (found,) = load(document, BACKENDS, {})
    assert (found.code, str(found.at)) == ("missing-field", "reconciler.yaml:1:1")
    assert found.hint == "write `stack: ...` (names the owner on the server)"


def test_all_findings_come_at_once():
    text = "stack: A\ntargets: {x: {uri: y}, z: w}\nvariables: {v: []}\ndefaults: {t: }\nsafety: {x: y}\n"
    _, problems = load(parse(text, "reconciler.yaml")[0], BACKENDS, {})
    assert sorted(one.code for one in problems) == [
        "bad-value", "missing-field", "unknown-key", "unknown-key", "unknown-key", "wrong-type", "wrong-type",
    ]  # fmt: skip
