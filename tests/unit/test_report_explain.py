"""One resource, or one field of it: where it was written, the three values, the reason, the request."""

import json

import pytest

from reconciler.core.call import Call
from reconciler.core.change import Action, FieldChange
from reconciler.core.diagnostics import Span
from reconciler.core.explanation import Applied, Explainer, Explanation, Field, paths
from reconciler.core.intents import Intents
from reconciler.core.mark import Mark
from reconciler.core.match import Pair
from reconciler.core.origin import Commit, Origin, Origins, Part
from reconciler.core.plan import Stay
from reconciler.core.steps import Stepper
from reconciler.report.explain import NOWHERE, Places, dump, explain_lines, lines_of
from reconciler.report.lines import plain
from tests.lives import KINDS, WIRES, address, entry, found, held, owned, path

FRAUD = "experiments.fraud"
TEAM = ("tags", "team")
FLAGS = {"name": "fraud"}


def explained(desired, live, field=None, folder=""):
    at = desired.address if desired else live.address
    return told(Pair(at, desired, live), field, Places(folder)).splitlines()


def told(pair, field=None, places=NOWHERE):
    step, *_ = Stepper("ml", KINDS, WIRES, Intents("ml")).step(pair)
    origins = Origins(pair.desired) if pair.desired else None
    found = Explainer(pair, step, KINDS[pair.address.kind], origins).explain(field)
    return plain(explain_lines(found, places, whole=field is None))


def about(desired, live):
    """What is said of the tag `team`, by the name of the line."""
    rows = [row.strip().partition(":") for row in explained(desired, live, TEAM)]
    return {name: words.strip() for name, _, words in rows[::-1] if name}


def test_the_head_of_what_is_to_be_made():
    desired = entry(FRAUD, tags={"team": "ml"})
    lines = explained(desired, None, folder="manifests/")
    assert lines[0] == f"experiments.fraud   manifests/{desired.at()}"
    assert lines[1:3] == ["  server: not there", "  action: create"]
    names = [line.strip() for line in lines if line.startswith("  ") and line[2] != " "]
    assert [name for name in names if ":" not in name] == ["name", "tags.team"]


@pytest.mark.parametrize(
    ("live", "words"),
    [
        (held(entry(FRAUD), "5"), "id 5, active, owned by this stack"),
        (held(entry(FRAUD), "5", deleted=True), "id 5, deleted, owned by this stack"),
        (found(FRAUD, FLAGS, "5"), "id 5, active, not owned by this stack"),
        (
            held(entry(FRAUD), "5", others={"ops": Mark(address(FRAUD)), "a": Mark(address(FRAUD))}),
            "id 5, active, owned by this stack, also marked by the stack a, also marked by the stack ops",
        ),
    ],
)
def test_the_state_of_what_is_there(live, words):
    assert explained(entry(FRAUD), live)[1] == f"  server: {words}"


def test_what_is_not_declared_any_more():
    lines = explained(None, owned("runs.r", {"tags.team": "ml"}, {"tags.team": "ml"}, parent="1"))
    assert lines[0] == "runs.r  not declared"
    assert lines[2] == "  action: delete  no longer declared"
    assert "    manifest:     (not set)" in lines


def test_nothing_to_do():
    desired = entry(FRAUD, tags={"team": "ml"})
    assert explained(desired, held(desired))[2] == "  action: noop"
    assert about(desired, held(desired))["reason"] == "nothing to do"


def test_the_three_values_of_a_changed_field():
    desired = entry(FRAUD, tags={"team": "ml"})
    lines = explained(desired, held(entry(FRAUD, tags={"team": "risk"})), TEAM)
    assert lines[5:7] == ['    manifest:     "ml"', '    server:       "risk"']
    rows = about(desired, held(entry(FRAUD, tags={"team": "risk"})))
    assert rows["written"] == f"{desired.at(TEAM)}, in the resource"
    assert rows["last applied"].startswith("what the server holds (digest ")
    assert rows["reason"] == "manifest changed"
    assert rows["request"] == "POST /api/2.0/mlflow/experiments/set-experiment-tag"
    assert '{"experiment_id": {"$id": "experiments.fraud"}, "key":' in "\n".join(lines)
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("there", "applied", "words"),
    [
        ("ml", None, "never by this stack"),
        ("x", "ml", "what the manifest says (digest "),
        ("x", "x", "what the server holds (digest "),
        ("x", "y", "something else (digest "),
        (None, "y", "something else (digest "),
    ],
)
def test_what_was_last_applied(there, applied, words):
    live = {**FLAGS, **({"tags.team": there} if there else {})}
    last = {**FLAGS, **({"tags.team": applied} if applied else {})}
    assert about(entry(FRAUD, tags={"team": "ml"}), owned(FRAUD, live, last))["last applied"].startswith(words)


def test_what_was_last_applied_is_not_known_where_there_is_no_mark():
    assert about(entry(FRAUD, tags={"team": "ml"}), None)["last applied"] == "never by this stack"
    assert about(entry(FRAUD, tags={"team": "ml"}), found(FRAUD, FLAGS))["last applied"] == "never by this stack"


def test_the_fields_are_those_that_the_stack_manages_or_managed():
    live = owned(FRAUD, {**FLAGS, "tags.theirs": "x"}, {**FLAGS, "tags.old": "y"})
    assert paths(Pair(address(FRAUD), entry(FRAUD, tags={"team": "ml"}), live)) == [("name",), ("tags", "old"), TEAM]
    assert paths(Pair(address(FRAUD), None, found(FRAUD, FLAGS))) == []


def test_a_request_without_a_body_is_its_path():
    desired = entry("logged_models.m", experiment="fraud")
    fields = {"name": "m", "experiment": FRAUD, "tags.team": "x"}
    rows = about(desired, owned("logged_models.m", fields, fields, parent="1"))
    assert rows["request"] == "DELETE /api/2.0/mlflow/logged-models/{id}/tags/team"
    assert rows["manifest"] == "(not set)"


def test_a_step_that_does_not_touch_the_field():
    desired = entry(FRAUD, tags={"team": "ml"}, description="d")
    rows = about(desired, held(entry(FRAUD, tags={"team": "ml"})))
    assert "request" not in rows
    assert isinstance(Call("GET", "/").fields, tuple)


def test_what_cannot_be_removed_is_no_nothing_to_do():
    before = held(entry("experiments.fraud", tags={"old": "1"}))
    pair = Pair(address("experiments.fraud"), entry("experiments.fraud"), before)
    stays = [Stay(pair.address, path("tags.old"), "no request does"), Stay(address("runs.r"), path("name"), "not this")]
    kind = KINDS["experiments"]
    text = plain(explain_lines(Explainer(pair, None, kind, stays=stays).explain()))
    assert text.count("cannot remove") == 1
    assert "    reason:       cannot remove: no request does\n" in text.partition("  tags.old\n")[2]
    whole = plain(
        explain_lines(Explainer(pair, None, kind, stays=[Stay(pair.address, (), "no request does")]).explain())
    )
    assert "  stays:  cannot remove: no request does\n" in whole


AT = Span("a.yaml", 2, 3, 4)
PARTS = (
    Part("variable", "env", "prod", "target prod", Span("reconciler.yaml", 5, 9)),
    Part("variable", "x" * 40, "y", "default", Span("reconciler.yaml", 5, 9)),
    Part("variable", "secret", None, "--var"),
    Part("environment", "TOKEN"),
)


def one_field(commit=None, *, calls=(), **more):
    """One field that is written on line 2 of a.yaml, as text and as JSON."""
    change = FieldChange(TEAM, None, "ml", Action.noop, "adopt")
    field = Field(change, Applied(), Origin("defaults", AT, PARTS), calls, **more)
    found = Explanation(Pair(address(FRAUD), entry(FRAUD), None), Action.noop, "", (field,))
    places = Places("m/", {"a.yaml": "one:\n  team: ml\n"}, {("a.yaml", 2): commit} if commit else {})
    return found, places


def test_the_line_and_what_its_expressions_stand_for():
    lines = plain(explain_lines(*one_field(), whole=False)).splitlines()
    start = lines.index("    written:      m/a.yaml:2:3, in the defaults of the stack")
    assert lines[start + 1 :] == [
        "                  2 |   team: ml",
        "                    |   ^^^^",
        '    variable:     env = "prod", target prod, m/reconciler.yaml:5:9',
        f'    variable:     {"x" * 40} = "y", default,',
        "                  m/reconciler.yaml:5:9",
        "    variable:     secret, --var",
        "    environment:  TOKEN",
    ]
    assert "team: ml" not in plain(explain_lines(*one_field()))


@pytest.mark.parametrize(
    ("commit", "words"),
    [
        (Commit("0123456789abcdef", "Ada", "2026-01-31T09:00:00Z", "Why"), "0123456789, Ada, 2026-01-31: Why"),
        (Commit("0123456789ab", "Ada", "2026-01-31", "Why", "or so"), "0123456789, Ada, 2026-01-31 (or so): Why"),
        (Commit(note="not committed yet"), "not committed yet"),
    ],
)
def test_who_wrote_the_line(commit, words):
    assert f"    commit:       {words}\n" in plain(explain_lines(*one_field(commit)))


def test_a_request_that_sets_several_fields_is_told_once():
    text = told(Pair(address(FRAUD), entry(FRAUD, tags={"team": "ml"}), None))
    assert text.count("experiments/create") == 1
    assert text.count("request:      as above") == 1


def test_how_to_ignore_a_field_is_told_of_one_field_only():
    pair = Pair(address(FRAUD), entry(FRAUD, tags={"team": "ml"}), held(entry(FRAUD, tags={"team": "risk"})))
    text = told(pair, TEAM)
    assert text.endswith(
        "    to ignore it: declare it as it is on the server:\n"
        "                    experiments:\n"
        "                      fraud:\n"
        "                        tags:\n"
        "                          team: risk\n"
    )
    assert "as it is on the server" not in told(pair)
    assert "  to ignore it: leave it out this time:\n                  reconciler plan --exclude" in told(pair)


def test_what_cannot_change_is_told_with_the_way_out():
    before = held(entry("runs.r", experiment="fraud", params={"p": "1"}), parent="1")
    pair = Pair(before.address, entry("runs.r", experiment="fraud", params={"p": "2"}), before)
    text = told(pair, path("params.p"))
    assert "    reason:       manifest changed\n    refused:      params are written once; to make it anew:" in text
    assert "--replace runs.r\n" in text
    assert max(map(len, text.splitlines())) <= 80


def test_what_is_never_made_anew_is_not_told_to_be():
    before = held(entry(FRAUD, artifact_location="s3://a/b"))
    pair = Pair(before.address, entry(FRAUD, artifact_location="s3://a/c"), before)
    text = told(pair, path("artifact_location"))
    assert "    refused:      an experiment's artifacts cannot be moved\n" in text
    assert "--replace" not in text


def test_the_fields_of_what_is_deleted_go_with_it():
    live = owned("runs.r", {"tags.team": "ml"}, {"tags.team": "ml"}, parent="1")
    assert "reason:       it goes with the resource\n" in told(Pair(live.address, None, live))


def test_a_long_request_is_cut_with_its_length():
    call = Call("POST", "/p", {"key": "x" * 2000})
    text = plain(explain_lines(*one_field(calls=(call,))))
    assert "… (2,011 characters; all of it with --format json)" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


def test_as_json():
    found = json.loads(dump(*one_field(Commit("01", "Ada", "2026-01-31", "Why")), "1.2.3"))
    assert (found["format"], found["tool"], found["address"], found["id"]) == (1, "1.2.3", FRAUD, None)
    assert found["state"] == "not there"
    (field,) = found["fields"]
    assert (field["path"], field["manifest"], field["server"]) == (["tags", "team"], "ml", None)
    assert (field["last_applied"], field["advice"], field["requests"]) == ("never", None, [])
    origin = field["origin"]
    assert (origin["layer"], origin["at"], origin["line"]) == ("defaults", "a.yaml:2:3", "  team: ml")
    assert origin["commit"] == {"id": "01", "author": "Ada", "date": "2026-01-31", "summary": "Why", "note": ""}
    assert origin["parts"][0] == {
        "source": "variable",
        "name": "env",
        "value": "prod",
        "by": "target prod",
        "at": "reconciler.yaml:5:9",
    }
    assert origin["parts"][3]["at"] is None


def test_as_json_of_what_is_not_declared():
    live = owned("runs.r", {"tags.team": "ml"}, {"tags.team": "ml"}, parent="1")
    pair = Pair(live.address, None, live)
    step, *_ = Stepper("ml", KINDS, WIRES, Intents("ml")).step(pair)
    found = json.loads(dump(Explainer(pair, step, KINDS["runs"]).explain(), NOWHERE, "1"))
    assert (found["at"], found["id"], found["action"]) == (None, "1", "delete")
    assert found["fields"][0]["origin"] is None
    assert [advice["command"] for advice in found["advice"]] == ["reconciler plan --exclude runs.r", ""]
    assert "on_remove: keep" in found["advice"][1]["manifest"]
    assert lines_of(Explainer(pair, step, KINDS["runs"]).explain()) == []


def test_a_line_that_is_not_known_is_empty():
    assert Places().line(AT) == ""
    assert lines_of(one_field()[0]) == [("a.yaml", 2)]
