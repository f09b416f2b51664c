"""What MLflow cannot hold is found while planning: each limit at its border, with the place of the value."""

from dataclasses import replace

import pytest

from reconciler import registry
from reconciler.backends.mlflow.limits import DATASET as DATASET_LIMITS
from reconciler.core.canonical import canonical
from reconciler.core.change import Secret
from reconciler.core.interpolate import Broken, Scope
from reconciler.core.limits import check
from reconciler.core.resolve import resolve
from reconciler.core.source import parse
from reconciler.core.wire import Server, Unsupported, Wire
from tests.lives import KINDS, WIRES, address, entry, path
from tests.marked import check as check_place
from tests.marked import cut
from tests.world import declare

LONG = 2**20
BORDERS = [
    # kind, field, the longest value, whether an empty one is refused
    ("experiments", "name", 500, True),
    ("experiments", "description", 20_000, False),
    ("experiments", "tags.team", 20_000, False),
    ("runs", "name", 250, True),
    ("runs", "description", 8_000, False),
    ("runs", "tags.team", 8_000, False),
    ("runs", "params.depth", 6_000, False),
    ("logged_models", "name", 500, True),
    ("logged_models", "type", 500, True),
    ("logged_models", "tags.team", LONG, False),
    ("logged_models", "params.depth", LONG, False),
]


def refused(kind, field, value):
    return WIRES[kind].check(path(field), value)


@pytest.mark.parametrize(("kind", "field", "most", "needed"), BORDERS)
def test_lengths(kind, field, most, needed):
    assert refused(kind, field, "x" * most) is None
    no = refused(kind, field, "x" * (most + 1))
    assert (no.path, no.code, no.hint) == (path(field), "limit", "shorten it")
    assert f"has {most + 1} characters; MLflow takes {most}" in no.why
    empty = refused(kind, field, "")
    assert (empty.why if empty else None) == ("is empty" if needed else None)


@pytest.mark.parametrize("field", ["description", "tags.team", "params.depth"])
def test_what_would_be_cut_silently_says_so(field):
    assert refused("runs", field, "x" * 8001).why.endswith("and silently cuts the rest")


def test_lengths_are_counted_in_characters():
    assert refused("experiments", "name", "🦊" * 500) is None


@pytest.mark.parametrize("kind", ["experiments", "runs", "logged_models"])
def test_keys_have_at_most_250_characters(kind):
    assert refused(kind, f"tags.{'k' * 250}", "x") is None
    assert "has a key of 251 characters" in refused(kind, f"tags.{'k' * 251}", "x").why
    assert "has a key of 0 characters" in WIRES[kind].check(("tags", ""), "x").why


WORDS = ["a", "a b", " a ", "a/b", "a.b", "a-b_c:d", ".a", "a..b", "é", "日本", "1"]
NO_WORDS = [
    "/a",
    "a/",
    "a//b",
    "./a",
    "a/.",
    "a/../b",
    "..",
    ".",
    "../a",
    "..a",
    "a%",
    "a\n",
    "a🦊",
    "a'b",
    'a"b',
    "a\tb",
]


@pytest.mark.parametrize("field", ["tags", "params", "metrics"])
@pytest.mark.parametrize("key", WORDS)
def test_keys_that_mlflow_takes(field, key):
    assert WIRES["runs"].check((field, key), "0.5") is None


@pytest.mark.parametrize("kind", ["experiments", "runs"])
@pytest.mark.parametrize("key", NO_WORDS)
def test_keys_that_mlflow_refuses(kind, key):
    no = WIRES[kind].check(("tags", key), "x")
    assert no.code == "limit"
    assert "key" in no.why


@pytest.mark.parametrize(
    "key", ["a", "a b", "a.b", "..a", "50%", "👩‍🔬", "a'b", "?", "#", "a:b", "...", "\xa0", "\u202e"]
)
def test_keys_of_models_that_can_be_removed_again(key):
    assert WIRES["logged_models"].check(("tags", key), "x") is None


@pytest.mark.parametrize("key", [".", "..", "/", "a/b", "a\nb", "a\x7f", "\x85"])
@pytest.mark.parametrize("field", ["tags", "params"])
def test_keys_of_models_that_could_not(field, key):
    """`..` sent as a segment of the path would delete the model itself."""
    assert "never remove again" in WIRES["logged_models"].check((field, key), "x").why


@pytest.mark.parametrize("char", "/:.%\"'")
def test_names_of_models(char):
    assert f"has '{char}'" in refused("logged_models", "name", f"a{char}b").why


PLACES = [
    *("s3://b/p", "/abs", "file:///x", "dbfs:/x", "mlflow-artifacts:/x", "C:/x", "s3://" + "x" * 2043, "a+b-c.1:/x"),
    *(
        "/a b",
        "/a/../b",
        "//host/x",
        "/a;",
        "s3://b;x/y",
        "s3://b/a?q=1&r=x.y",
        "file:/x",
        "file://localhost/x",
        "s3://é",
    ),
]


@pytest.mark.parametrize("text", PLACES)
def test_places_for_artifacts(text):
    assert refused("experiments", "artifact_location", text) is None


@pytest.mark.parametrize(
    ("words", "texts"),
    {
        "is not an absolute location": ["relative/path", "./x", "", " s3://b", "a_b:/x", "é:/x", "1x:/a"],
        "is not a location that MLflow takes": [
            *("http://x", "https://x", "HTTP://x", "http:x", "runs:/x", "RUNS:/x", "s3://b#f", "s3://b#"),
            *("/a;x", "ftp://h/x;y"),
        ],
        "is not a location that MLflow can read": ["s3://[", "s3://\u2100/", "s3://a]b"],
        "is a database": ["sqlite:///x", "mysql+pymysql://h", "postgresql:/x", "mssql:", "mysqlx:/a"],
        "is not an absolute file": [
            "file:x",
            "file:",
            "file://",
            "file://localhost",
            "file://host/x",
            "FILE:///x",
            "File:/x",
        ],
        "has a query": [
            "s3://b?..",
            "/a?x=..",
            "s3://b?x=%2e%2e",
            "s3://b?//[",
            "s3://b?a;b",
            "s3://b?x=é",
            "s3://b??",
        ],
        "has control characters": ["s3://b/\n", "/a\tb", "s3://b\x7f", "/\x01"],
        "MLflow takes 2048": ["s3://" + "x" * 2044],
    }.items(),
)
def test_places_that_mlflow_refuses_or_changes(words, texts):
    for text in texts:
        assert words in refused("experiments", "artifact_location", text).why, text


DATASET = {"name": "n", "digest": "d", "source_type": "s3", "source": "s"}
PARTS = [
    ("name", 500),
    ("digest", 36),
    ("source_type", 36),
    ("source", 65_535),
    ("schema", 1_048_575),
    ("context", 500),
]


@pytest.mark.parametrize(("part", "most"), PARTS)
def test_parts_of_datasets(part, most):
    assert WIRES["runs"].check(("datasets", "n@d"), DATASET | {part: "x" * most}) is None
    no = WIRES["runs"].check(("datasets", "n@d"), DATASET | {part: "x" * (most + 1)})
    assert no.why == f"{part} has {most + 1} characters; MLflow takes {most}"


def test_a_profile_may_be_very_long():
    assert DATASET_LIMITS["profile"]("x" * 16_777_215) is None
    assert DATASET_LIMITS["profile"]("x" * 16_777_216) is not None


@pytest.mark.parametrize("part", ["schema", "profile"])
def test_mlflow_does_not_show_an_empty_schema_or_profile_again(part):
    no = WIRES["runs"].check(("datasets", "n@d"), DATASET | {part: ""})
    assert (no.why, no.hint) == (f"{part} is empty", "give it a text, or leave the line out")


def test_a_digest_has_no_at_sign():
    """Name and digest are kept as name@digest, which has to be taken apart again."""
    assert "digest with '@'" in WIRES["runs"].check(("datasets", "n@d@e"), DATASET | {"digest": "d@e"}).why
    assert WIRES["runs"].check(("datasets", "n@m@d"), DATASET | {"name": "n@m"}) is None


def halved(value):
    """`value` with half a surrogate pair in place of each NUL."""
    if isinstance(value, str):
        return value.replace("\0", "\ud83e")
    if isinstance(value, tuple):
        return tuple(map(halved, value))
    return {name: halved(part) for name, part in value.items()}


@pytest.mark.parametrize(
    ("kind", "at", "value"),
    [
        ("experiments", ("name",), "a\0b"),
        ("experiments", ("artifact_location",), "s3://\0"),
        ("runs", ("params", "p"), "\0"),
        ("runs", ("tags", "a\0"), "x"),
        ("runs", ("datasets", "n@d"), DATASET | {"source": "\0"}),
        ("logged_models", ("type",), "\0"),
        ("logged_models", ("source_run",), "\0"),
    ],
)
def test_nul_and_half_pairs_are_refused_everywhere(kind, at, value):
    assert "NUL" in WIRES[kind].check(at, value).why
    assert "half a surrogate pair" in WIRES[kind].check(halved(at), halved(value)).why


@pytest.mark.parametrize("value", [0.5, "NaN", "-Infinity", [{"step": 0, "value": "NaN"}]])
def test_metrics_have_no_length(value):
    assert WIRES["runs"].check(("metrics", "auc"), value) is None


def test_what_has_no_limit():
    assert WIRES["runs"].check(("status",), "FINISHED") is None


# all of a stack


def test_findings_have_address_field_and_place():
    desired = entry("experiments.fraud", name="x" * 501, tags={"a//b": "1", "ok": "2"})
    problems = check({desired.address: desired}, KINDS, WIRES, "mlflow")
    assert [(one.code, one.summary.partition(" has ")[0], one.at) for one in problems] == [
        ("limit", "experiments.fraud: name", desired.at(("name",))),
        ("limit", "experiments.fraud: tags.'a//b'", desired.at(("tags", "a//b"))),
    ]


def test_what_several_resources_have_is_told_of_each_that_cannot_have_it():
    desired = declare({"experiments": {key: {"tags": {"a//b": "1", "ok": "1"}} for key in ("x", "y")}})
    problems = check(desired, KINDS, WIRES, "mlflow")
    assert [one.summary.partition(":")[0] for one in problems] == ["experiments.x", "experiments.y"]


def test_a_name_that_no_part_of_a_mark_could_hold():
    """MLflow takes 500 characters of any kind for a dataset; as JSON in ASCII a fox has twelve bytes."""
    desired = entry("runs.r", experiment="fraud", datasets=[DATASET | {"name": "🦊" * 500}])
    (problem,) = check({desired.address: desired}, KINDS, WIRES, "mlflow")
    assert problem.code == "limit"
    assert problem.summary.startswith("runs.r: datasets.'🦊")
    assert problem.summary.endswith("is too long for the mark, which has room for 4800 bytes")
    assert problem.at == desired.at(("datasets", "🦊" * 500 + "@d"))
    assert "6 or 12 bytes" in problem.hint


def test_an_address_that_no_part_of_a_mark_could_hold():
    desired = entry(f"experiments.{'é' * 1000}", name="e")
    (problem,) = check({desired.address: desired}, KINDS, WIRES, "mlflow")
    assert problem.summary.startswith("'experiments.éééé")
    assert problem.summary.endswith("...' is too long for the mark, which has room for 4800 bytes")
    assert (problem.code, problem.at) == ("limit", desired.at())


def test_a_text_without_its_value_has_no_limit_yet():
    """What could not be interpolated has its own finding; how long it would be nobody knows."""
    desired = entry("runs.r", experiment="fraud", name="r", datasets=[DATASET])
    late = {("name",): Broken("x" * 251), ("datasets", "n@d"): DATASET | {"source": Broken("x" * 65_536)}}
    desired = replace(desired, fields={**desired.fields, **late})
    assert check({desired.address: desired}, KINDS, WIRES, "mlflow") == []


def test_a_kind_that_the_backend_does_not_have():
    desired = entry("runs.r", experiment="fraud")
    (problem,) = check({desired.address: desired}, KINDS, {}, "other")
    assert (problem.code, problem.summary) == ("unsupported", "runs.r: the backend 'other' has no runs")
    assert problem.at == desired.at()


def stack(first, second, other="fraud"):
    """Two runs with a dataset each."""
    runs = {
        "a": {"experiment": "fraud", "datasets": [DATASET | first]},
        "b": {"experiment": other, "datasets": [DATASET | second]},
    }
    return declare({"experiments": {"fraud": None, "churn": None}, "runs": runs})


@pytest.mark.parametrize(
    ("first", "second", "other", "count"),
    [
        ({}, {}, "fraud", 0),
        ({}, {"source": "elsewhere"}, "fraud", 1),
        ({}, {"profile": "p"}, "fraud", 1),
        ({"context": "training"}, {"context": "validation"}, "fraud", 0),
        ({}, {"source": "elsewhere"}, "churn", 0),
        ({}, {"source": "elsewhere", "digest": "e"}, "fraud", 0),
    ],
)
def test_an_experiment_holds_one_dataset_of_a_name_and_digest(first, second, other, count):
    desired = stack(first, second, other)
    problems = check(desired, KINDS, WIRES, "mlflow")
    assert [one.code for one in problems] == ["disagreement"] * count
    if problems:
        second = desired[address("runs.b")]
        assert problems[0].summary.startswith("runs.b: datasets.'n@d' differs from that of runs.a")
        assert problems[0].at == second.at(("datasets", "n@d"))
        assert str(desired[address("runs.a")].at(("datasets", "n@d"))) in problems[0].hint


def test_a_finding_without_a_code_of_its_own_is_unsupported():
    assert Unsupported(("x",), "no").code == "unsupported"


def test_permissions_are_refused_where_the_wire_writes_none():
    class Plain(Wire):
        """One that was written without them in mind."""

    desired = declare({"experiments": {"fraud": {"permissions": {"user:ada": "READ", "user:bob": "READ"}}}})
    (found,) = check(desired, KINDS, {"experiments": Plain()}, "plain")
    assert found.code == "unsupported"
    assert found.summary == "experiments.fraud: the backend 'plain' has no permissions"
    assert found.at == desired[address("experiments.fraud")].at(("permissions",))
    assert check(declare({"experiments": {"fraud": {}}}), KINDS, {"experiments": Plain()}, "plain") == []


def names(text):
    """What is wrong with what `text` declares, which is right but for names."""
    document, _ = parse(text, "a.yaml")
    desired, problems = resolve([document], KINDS, Scope())
    assert {one.code for one in problems} <= {"unknown-name"}
    return check(desired, KINDS, WIRES, "mlflow")


@pytest.mark.parametrize(
    "marked",
    [
        "experiments: {x: {name: same}, y: {▶name◀: same}}",
        "experiments: {x: {name: y}, ▶y◀: {}}",
        "experiments: {x: {for_each: [a, b], ▶name◀: same}}",
        "experiments: {x: {existing: true, name: same}, y: {▶name◀: same}}",
    ],
)
def test_a_name_that_is_taken(marked):
    text = cut(marked)[0]
    check_place(names(text), "name-taken", "a.yaml", text, marked)


def test_a_name_that_is_taken_shows_both_places():
    (problem,) = names("experiments: {x: {name: same}, y: {name: same}}")
    assert f"{problem.at} {problem.summary}; {problem.hint}" == (
        "a.yaml:1:36 experiments.y has the name 'same', as experiments.x has; experiments.x has it at a.yaml:1:19"
    )


def test_runs_may_share_a_name_and_what_is_no_name_yet_takes_none():
    assert names("experiments: {e: {}}\nruns: {a: {experiment: e, name: n}, b: {experiment: e, name: n}}") == []
    assert names("experiments: {a: {name: '${var.x}'}, b: {name: '${var.x}'}}") == []


def test_names_that_are_one_to_the_server_are_told_once():
    text = "experiments: {a: {name: fraud}, b: {name: /Workspace/Shared/ml/fraud}, c: {name: /Shared/ml/fraud/}}"
    backend = registry.backends()["databricks"]
    wires = backend.wires(backend.options(name_prefix="/Shared/ml"), Server())
    desired, _ = resolve([parse(text, "a.yaml")[0]], KINDS, Scope())
    found = check(canonical(desired, wires), KINDS, wires, "databricks")
    assert [(one.code, str(one.at)) for one in found] == [("name-taken", "a.yaml:1:37"), ("name-taken", "a.yaml:1:76")]


def test_what_one_kind_can_hold_another_may_not():
    """The same text for the same field, which is found good of the first kind."""
    text = "x" * 10_000
    manifest = {
        "experiments": {"fraud": {"tags": {"team": text}}},
        "runs": {"base": {"experiment": "fraud", "tags": {"team": text}}},
    }
    found = check(declare(manifest), KINDS, WIRES, "mlflow")
    assert [one.summary.partition(" has ")[0] for one in found] == ["runs.base: tags.team"]


def test_a_secret_is_not_as_good_as_the_text_that_it_equals():
    class Cautious(Wire):
        def check(self, path, value):
            return Unsupported(path, "cannot be sensitive") if isinstance(value, Secret) else None

    first, second = entry("experiments.a", name="same"), entry("experiments.b", name="other")
    secret = replace(second, fields={**second.fields, ("name",): Secret("same", "${env.NAME}")})
    found = check({one.address: one for one in (first, secret)}, KINDS, {"experiments": Cautious()}, "it")
    assert [one.summary for one in found if "sensitive" in one.summary] == ["experiments.b: name cannot be sensitive"]
