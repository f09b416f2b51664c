"""A saved plan is refused once anything that it was computed from has changed: each change is told with its values."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.e2e.tools import PREFIX, Shell, sending
from tests.fakes.mlflow import FakeMlflow
from tests.servers import real_mlflow

MANIFEST = """\
experiments:
  fraud:
    description: cards
    tags: {team: risk, tier: gold, token: "${env.TOKEN}"}
runs:
  base: {experiment: fraud, status: FINISHED, params: {depth: 6}, tags: {kind: xgb}}
"""
LOCK = "registered-models/"
"""What a lock is made of; nothing else is there."""
SENSITIVE = "experiments:\n  fraud: {tags: {open: a, token: '${env.TOKEN}'}}\n"


def configure(shell, url):
    target = f"targets:\n  local: {{backend: mlflow, url: '{url}', sensitive: [tags.token]}}\n"
    shell.write("manifests/reconciler.yaml", f"stack: ml\n{target}")


@pytest.fixture
def secret(shell, url, monkeypatch):
    configure(shell, url)
    monkeypatch.setenv("TOKEN", "hunter2-old")


@pytest.fixture
def update(shell, secret):
    """A saved plan that changes one tag of what is there."""
    shell.apply(MANIFEST)
    shell.manifest(MANIFEST.replace("risk", "ml"))
    shell("plan", "--out", "plan.json")


def refused(shell, fake, *summaries):
    """The findings of an apply that is refused, all of them; it only reads."""
    with sending(fake) as sent:
        result = shell("apply", "plan.json", "--yes", code=5)
    assert [path for path in sent.paths if not path.startswith(LOCK)] == []
    heads = [line.partition("error: ")[2] for line in result.err.splitlines() if "error: " in line]
    assert heads == [f"{summary} [stale-plan]" for summary in summaries]
    assert result.err.count("  hint: make the plan again and look at it\n") == len(summaries)
    assert "hunter2" not in result.err
    return result


def test_a_changed_value_is_told_with_its_place(shell, update, server, fake):
    server.tag("fraud", team="theirs")
    result = refused(
        shell,
        fake,
        'experiments.fraud: tags.team was "risk" when the plan was made (-> "ml"), and is "theirs" now',
    )
    assert result.err == (
        "manifests/main.yaml:4:12: error: "
        'experiments.fraud: tags.team was "risk" when the plan was made (-> "ml"), and is "theirs" now [stale-plan]\n'
        '    4 |     tags: {team: ml, tier: gold, token: "${env.TOKEN}"}\n'
        "      |            ^\n"
        "  hint: make the plan again and look at it\n"
    )


def test_all_that_changed_is_told_at_once(shell, update, server, fake):
    """Also what the plan leaves as it is: it would write a mark that says that all is as the manifest has it."""
    server.tag("fraud", tier="bronze", team="theirs")
    server.post("experiments/update", experiment_id="1", new_name="cards")
    server.tag("cards", mlflow__note__content="paid online")
    refused(
        shell,
        fake,
        'experiments.fraud: description had another value when the plan was made, and is "paid online" now',
        'experiments.fraud: name had another value when the plan was made, and is "cards" now',
        'experiments.fraud: tags.tier had another value when the plan was made, and is "bronze" now',
        'experiments.fraud: tags.team was "risk" when the plan was made (-> "ml"), and is "theirs" now',
    )


def test_a_tag_that_was_taken_off(shell, update, server, fake):
    for key in ("team", "tier"):
        server.post("experiments/delete-experiment-tag", experiment_id="1", key=key)
    refused(
        shell,
        fake,
        "experiments.fraud: tags.tier was there when the plan was made, and is not there now",
        'experiments.fraud: tags.team was "risk" when the plan was made (-> "ml"), and is not there now',
    )


@pytest.mark.parametrize("planned", ["changed", "the same", "dropped"])
def test_no_secret_is_shown(planned, shell, secret, server, fake, monkeypatch):
    shell.apply(SENSITIVE)
    shell.manifest(SENSITIVE.replace("open: a", "open: b"))
    if planned == "changed":
        monkeypatch.setenv("TOKEN", "hunter2-new")
    if planned == "dropped":
        shell.manifest("experiments:\n  fraud: {tags: {open: b}}\n")
    shell("plan", "--out", "plan.json")
    assert "hunter2" not in (shell.folder / "plan.json").read_text()
    server.tag("fraud", token="hunter2-theirs")
    words = "experiments.fraud: tags.token has changed since the plan was made; its values are sensitive"
    assert "hunter2" not in refused(shell, fake, words).err


def test_another_apply_of_the_stack(shell, update, server, fake):
    """Somebody else planned the same: the values are told, and that the mark was written anew."""
    shell.manifest(MANIFEST.replace("risk", "ops").replace(" tier: gold,", ""))
    shell("apply", "--yes")
    refused(
        shell,
        fake,
        "experiments.fraud (id 1): another apply of this stack was at work after the plan was made: "
        "its mark has other digests of tags.team, tags.tier",
        "experiments.fraud: tags.tier was there when the plan was made, and is not there now",
        'experiments.fraud: tags.team was "risk" when the plan was made (-> "ml"), and is "ops" now',
    )


def test_a_directive_that_another_apply_recorded(shell, update, fake):
    shell.manifest(MANIFEST.replace("    desc", "    prevent_destroy: true\n    desc"))
    shell("apply", "--yes")
    refused(
        shell,
        fake,
        "experiments.fraud (id 1): prevent_destroy in its mark was false when the plan was made, and is true now",
    )


def test_a_mark_that_was_taken_off(shell, update, server, fake):
    server.post("experiments/delete-experiment-tag", experiment_id="1", key="reconciler.ml")
    words = "experiments.fraud (id 1) had this stack's mark when the plan was made, and has none now"
    refused(shell, fake, words)


def test_a_mark_that_was_damaged(shell, update, server, fake):
    server.tag("fraud", reconciler__ml="mine")
    words = "the mark of experiments.fraud (id 1) has changed since the plan was made: it is not JSON"
    refused(shell, fake, words)


def test_what_was_deleted_meanwhile(shell, update, server, fake):
    server.post("experiments/delete", experiment_id="1")
    refused(shell, fake, "experiments.fraud (id 1) was active when the plan was made, and is deleted now")


def test_what_was_restored_meanwhile(shell, secret, server, fake):
    shell.apply(MANIFEST)
    server.post("experiments/delete", experiment_id="1")
    shell("plan", "--out", "plan.json")
    server.post("experiments/restore", experiment_id="1")
    refused(
        shell,
        fake,
        "experiments.fraud (id 1) was deleted when the plan was made (-> active), and is active now",
    )


def test_what_was_created_meanwhile(shell, server, fake):
    shell.manifest("experiments: {fraud: }\n")
    shell("plan", "--out", "plan.json")
    server.post("experiments/create", name="fraud")
    words = "experiments.fraud is on the server now (id 1); it was not when the plan was made"
    refused(shell, fake, words)


def test_a_name_that_was_taken_meanwhile(shell, server, fake):
    """The server would refuse it in the middle of the apply."""
    shell.apply("experiments: {fraud: {name: old}}\n")
    shell.manifest("experiments: {fraud: {name: new}}\n")
    shell("plan", "--out", "plan.json")
    server.post("experiments/create", name="new")
    refused(shell, fake, 'experiments.fraud: the name "new" is taken now, by id 2')


def test_a_run_that_changed_and_one_that_is_gone(shell, server, fake):
    text = "experiments: {fraud: }\nruns:\n" + "".join(
        f"  {name}: {{experiment: fraud, status: FINISHED, tags: {{t: x}}}}\n" for name in ("a", "b")
    )
    shell.apply(text)
    shell.manifest(text.replace("t: x", "t: y"))
    shell("plan", "--out", "plan.json")
    server.post("runs/update", run_id=server.run("a")["run_id"], status="FAILED", run_name="c")
    server.post("runs/delete-tag", run_id=server.run("b")["run_id"], key="reconciler.ml")
    refused(
        shell,
        fake,
        'runs.a: name had another value when the plan was made, and is "c" now',
        'runs.a: status had another value when the plan was made, and is "FAILED" now',
        "runs.b is not on the server any more, or its mark was taken off",
    )


def test_what_another_stack_has_come_to_share_is_not_deleted(shell, other, fake):
    """Planning again would refuse it as well."""
    shell.apply("experiments: {fraud: {tags: {a: b}}}\n")
    shell.manifest("experiments: {}\n")
    shell("plan", "--allow-delete", "1", "--out", "plan.json")
    other.apply("experiments:\n  theirs: {existing: true, name: fraud, tags: {c: d}}\n")
    words = "experiments.fraud (id 1) is to be deleted, and the stack 'ops' manages some of it now"
    refused(shell, fake, words)


def test_what_another_stack_has_come_to_own_is_not_adopted(shell, other, server, fake):
    server.post("experiments/create", name="fraud")
    shell.manifest("experiments: {fraud: }\n")
    shell("plan", "--out", "plan.json")
    other.apply("experiments: {mine: {name: fraud}}\n")
    refused(shell, fake, "experiments.fraud (id 1) is owned by the stack 'ops' now")


def test_what_nobody_declared_may_change_and_is_preserved(shell, update, server):
    run = server.run("base")["run_id"]
    server.tag("fraud", theirs="kept")
    server.post("runs/set-tag", run_id=run, key="theirs", value="kept")
    server.post("experiments/create", name="somebody-elses")
    shell("apply", "plan.json", "--yes")
    tags = server.experiment("fraud")["tags"]
    assert (tags["team"], tags["theirs"]) == ("ml", "kept")
    assert server.run("base")["tags"]["theirs"] == "kept"


def test_new_points_of_a_run_do_not_make_a_plan_stale(shell, server):
    """Metrics are only ever added to; a run that is being trained would never be planned for otherwise."""
    text = "experiments: {a: }\nruns:\n  r: {experiment: a, tags: {t: x}, metrics: {loss: [{step: 0, value: 1}]}}\n"
    shell.apply(text)
    shell.manifest(text.replace("t: x", "t: y"))
    shell("plan", "--out", "plan.json")
    run = server.run("r")["run_id"]
    server.post("runs/log-metric", run_id=run, key="loss", value=0.5, timestamp=99, step=1)
    shell("apply", "plan.json", "--yes")
    assert server.run("r")["tags"]["t"] == "y"
    assert sorted(server.points("r", "loss")) == [(0, 1.0), (1, 0.5)]


def test_a_plan_of_an_earlier_version_is_checked_as_a_whole(shell, update, server, fake):
    file = shell.folder / "plan.json"
    plan = json.loads(file.read_text())
    del plan["basis"]
    file.write_text(json.dumps(plan))
    server.tag("fraud", team="theirs")
    refused(shell, fake, "experiments.fraud (id 1) has changed on the server since the plan was made")
    server.tag("fraud", team="risk")
    assert "1 done" in shell("apply", "plan.json", "--yes").out


# the same on both servers


@pytest.fixture(scope="module", params=["fake", pytest.param("real", marks=pytest.mark.real)])
def place(request, tmp_path_factory):
    """The URL of a server of its own."""
    if request.param == "fake":
        with FakeMlflow().serve() as url:
            yield url
    else:
        pytest.importorskip("mlflow")
        with real_mlflow(tmp_path_factory.mktemp("mlflow")) as url:
            yield url


def test_a_plan_is_refused_and_nothing_is_written(place, tmp_path, monkeypatch):
    """On the real server as on the fake; then the plan is made again, and what is nobody's outlives it."""
    monkeypatch.setenv("TOKEN", "hunter2-old")
    shell = Shell(tmp_path, monkeypatch)
    configure(shell, place)

    def post(route, **body):
        reply = httpx.post(f"{place}{PREFIX}{route}", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def state():
        (found,) = [
            one
            for one in post("experiments/search", max_results=9, view_type="ALL")["experiments"]
            if one["experiment_id"] != "0"
        ]
        runs = post("runs/search", experiment_ids=[found["experiment_id"]], max_results=9)["runs"]
        return found, runs

    shell.apply(MANIFEST)
    shell.manifest(MANIFEST.replace("risk", "ml"))
    shell("plan", "--out", "plan.json")
    ident, run = state()[0]["experiment_id"], state()[1][0]["info"]["run_id"]
    for key, value in {"team": "theirs", "token": "hunter2-theirs", "nobodys": "kept"}.items():
        post("experiments/set-experiment-tag", experiment_id=ident, key=key, value=value)
    post("experiments/update", experiment_id=ident, new_name="renamed")
    post("runs/set-tag", run_id=run, key="nobodys", value="kept")
    before = state()
    result = shell("apply", "plan.json", "--yes", code=5)
    assert state() == before
    assert [line.partition("error: ")[2] for line in result.err.splitlines() if "error: " in line] == [
        'experiments.fraud: name had another value when the plan was made, and is "renamed" now [stale-plan]',
        "experiments.fraud: tags.token has changed since the plan was made; its values are sensitive [stale-plan]",
        'experiments.fraud: tags.team was "risk" when the plan was made (-> "ml"), and is "theirs" now [stale-plan]',
    ]
    assert "hunter2" not in result.out + result.err
    shell("plan", "--out", "plan.json")
    assert "1 done" in shell("apply", "plan.json", "--yes").out
    experiment, runs = state()
    tags = {one["key"]: one["value"] for one in experiment["tags"]}
    assert (experiment["name"], tags["team"], tags["token"], tags["nobodys"]) == ("fraud", "ml", "hunter2-old", "kept")
    assert {"key": "nobodys", "value": "kept"} in runs[0]["data"]["tags"]
