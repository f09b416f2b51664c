"""The mark: newer, damaged, doubled, in several parts; and how much of a resource goes through in batches."""

from __future__ import annotations

import json
import time

import pytest

from tests.e2e.findings import check
from tests.e2e.tools import sending

STACK = "experiments: {fraud: {tags: {team: risk}}}\nruns: {base: {experiment: fraud}}\n"
MARK = "reconciler.ml"


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("destroy", "--yes")], ids=lambda one: one[0])
class TestUnreadable:
    """What cannot be read is refused, not guessed: by every command, with the id of what carries it."""

    def refused(self, shell, fake, command, *words):
        with sending(fake) as sent:
            result = shell(*command, code=1)
        check(result, "damaged-mark", *words, hint="remove the tag")
        assert sent.paths == []

    def test_a_mark_of_a_newer_version(self, command, shell, server, fake):
        shell.apply(STACK)
        mark = json.loads(server.experiment("fraud")["tags"][MARK])
        server.tag("fraud", reconciler__ml=json.dumps(mark | {"v": 2}))
        self.refused(shell, fake, command, "the mark on experiments with id 1 has version 2", "knows up to 1")

    @pytest.mark.parametrize(
        "text",
        ["true", "{", "[]", "{}", '{"v":"1"}', '{"v":1}', '{"v":1,"address":"fraud"}', '{"v":1,"keys":[]}'],
    )
    def test_a_damaged_mark(self, text, command, shell, server, fake):
        shell.apply(STACK)
        server.tag("fraud", reconciler__ml=text)
        self.refused(shell, fake, command, "the mark on experiments with id 1")

    def test_a_damaged_mark_on_a_run(self, command, shell, server, fake):
        shell.apply(STACK)
        run = server.run("base")["run_id"]
        server.post("runs/set-tag", run_id=run, key=MARK, value="{")
        self.refused(shell, fake, command, f"the mark on runs with id {run} is not JSON")


def copy_of(server, name, copied):
    """Another experiment with the mark of `copied`, as somebody makes it who copies an experiment's tags."""
    value = server.experiment(copied)["tags"][MARK]
    made = server.post("experiments/create", name=name, tags=[{"key": MARK, "value": value}])
    return made["experiment_id"]


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes")], ids=lambda one: one[0])
def test_a_mark_that_is_there_twice_names_both_ids(command, shell, server, fake):
    shell.apply(STACK)
    copy = copy_of(server, "copied", "fraud")
    with sending(fake) as sent:
        result = shell(*command, code=5)
    check(
        result,
        "duplicate-address",
        "manifests/main.yaml:1:15",
        f"experiments.fraud is there 2 times: ids 1 and {copy} carry the same mark",
        hint=MARK.replace("ml", ""),
    )
    assert sent.paths == []


def test_a_doubled_mark_is_mended_as_the_hint_says(shell, server):
    shell.apply(STACK)
    copy = copy_of(server, "copied", "fraud")
    server.post("experiments/delete-experiment-tag", experiment_id=copy, key=MARK)
    assert "No changes" in shell("plan").out


def test_two_runs_with_one_mark_name_both_ids(shell, server, fake):
    """As two applies at once would leave them, since names of runs are not unique."""
    shell.apply(STACK)
    run = server.run("base")
    tags = [{"key": MARK, "value": run["tags"][MARK]}]
    other = server.post("runs/create", experiment_id="1", run_name="base", tags=tags)["run"]["info"]["run_id"]
    with sending(fake) as sent:
        result = shell("apply", "--yes", code=5)
    first, second = sorted([run["run_id"], other])
    check(result, "duplicate-address", "runs.base is there 2 times", first, second, hint="remove the mark")
    assert sent.paths == []


def tags(count, value="v", skip=()):
    lines = "".join(f"      tag-{n:03}: {value}-{n}\n" for n in range(count) if n not in skip)
    return f"experiments:\n  many:\n    tags:\n{lines}"


def parts(found):
    return sorted(key for key in found if key.startswith("reconciler."))


@pytest.mark.parametrize("count", [20, 21, 200, 1000])
def test_many_tags_round_trip(count, shell, server, fake):
    """The mark of a resource with many tags stands in several tags of its own."""
    with sending(fake) as sent:
        shell.apply(tags(count))
    assert sent.paths == ["experiments/create"]
    found = server.experiment("many")["tags"]
    assert {key: value for key, value in found.items() if key.startswith("tag-")} == {
        f"tag-{n:03}": f"v-{n}" for n in range(count)
    }
    assert len(parts(found)) == {20: 1, 21: 1, 200: 2, 1000: 6}[count]
    assert all(len(found[part].encode()) <= 5000 for part in parts(found))
    assert "No changes" in shell("plan").out


def test_a_mark_shrinks_and_grows_with_what_it_holds(shell, server):
    shell.apply(tags(500))
    assert len(parts(server.experiment("many")["tags"])) == 3
    shell.apply(tags(3))
    assert parts(server.experiment("many")["tags"]) == [MARK]
    assert len(server.experiment("many")["tags"]) == 4
    assert "No changes" in shell("plan").out
    shell.apply(tags(500))
    assert len(parts(server.experiment("many")["tags"])) == 3
    assert "No changes" in shell("plan").out


def test_one_of_200_tags_is_one_write_and_one_for_its_part_of_the_mark(shell, fake):
    shell.apply(tags(200))
    shell.manifest(tags(200).replace("v-150\n", "other\n"))
    with sending(fake) as sent:
        shell("apply", "--yes")
    keys = [one.body["key"] for one in sent.requests]
    assert keys[0] == "tag-150"
    assert len(keys) == 2
    assert keys[1].startswith(MARK)


def test_a_lost_part_of_a_mark_is_mended_without_losing_a_tag(shell, server):
    """The fields that it vouched for count as never applied: equal ones are adopted, nothing is removed."""
    shell.apply(tags(200))
    server.post("experiments/delete-experiment-tag", experiment_id="1", key=f"{MARK}.1")
    assert "1 to adopt" in shell("plan").out
    shell("apply", "--yes")
    assert len(server.experiment("many")["tags"]) == 202
    assert "No changes" in shell("plan").out


def big_run(points=2500, params=250, more="", extra_point=""):
    loss = "".join(f"        - {{step: {step}, value: {step / 1000}}}\n" for step in range(points)) + extra_point
    lines = ["experiments: {a: }", "runs:", "  big:", "    experiment: a", "    status: FINISHED", "    params:"]
    lines += [f"      p{n}: value {n}" for n in range(params)]
    lines += ["    tags:", *(f"      t{n}: value {n}" for n in range(250))]
    return "\n".join(lines) + f"\n{more}    metrics:\n      auc: 0.9\n      loss:\n{loss}"


def test_a_big_run_goes_through_in_batches_inside_the_limits(shell, server, fake):
    """2,500 points, 250 params and 250 tags; the fake refuses a batch over MLflow's limits."""
    with sending(fake) as sent:
        shell.apply(big_run())
    batches = [one for one in sent.requests if one.path == "runs/log-batch"]
    assert sum(len(one.body.get("metrics", ())) for one in batches) == 2501
    assert len(batches) <= 5
    run = server.run("big")
    assert len(server.points("big", "loss")) == 2500
    assert (len(run["params"]), run["status"]) == (250, "FINISHED")
    assert sum(key.startswith("t") for key in run["tags"]) == 250
    assert "No changes" in shell("plan").out


def test_one_more_point_of_2500_is_logged_alone(shell, server, fake):
    shell.apply(big_run())
    shell.manifest(big_run(extra_point="        - {step: 9000, value: 9}\n"))
    with sending(fake) as sent:
        shell("apply", "--yes")
    points = [point for one in sent.requests for point in one.body.get("metrics", ())]
    assert [(point["key"], point["step"], point["value"]) for point in points] == [("loss", 9000, 9.0)]
    assert len(server.points("big", "loss")) == 2501
    assert "No changes" in shell("plan").out


def test_points_stand_once_on_the_server_after_one_more_is_declared(shell, server, fake):
    """Logged again with the run's start as their time, MLflow keeps them beside those with the moment of the write."""
    fake.fault = lambda _, __, path: time.sleep(0.01) if path == "runs/create" else None
    text = (
        "experiments: {a: }\nruns:\n  r: {experiment: a, metrics: {loss: [{step: 0, value: 1}, {step: 1, value: 2}]}}\n"
    )
    shell.apply(text)
    shell.apply(text.replace("}]", "}, {step: 2, value: 3}]"))
    assert sorted(server.points("r", "loss")) == [(0, 1.0), (1, 2.0), (2, 3.0)]


def test_points_that_somebody_logged_are_not_logged_again(shell, server, fake):
    """An apply that was lost on its way goes on where it stopped."""
    text = (
        "experiments: {a: }\nruns:\n  r: {experiment: a, metrics: {loss: [{step: 0, value: 1}, {step: 1, value: 2}]}}\n"
    )
    shell.apply("experiments: {a: }\nruns:\n  r: {experiment: a}\n")
    server.post("runs/log-metric", run_id=server.run("r")["run_id"], key="loss", value=1.0, timestamp=7, step=0)
    shell.manifest(text)
    with sending(fake) as sent:
        shell("apply", "--yes")
    points = [point for one in sent.requests for point in one.body.get("metrics", ())]
    assert [(point["step"], point["value"]) for point in points] == [(1, 2.0)]


def test_a_dropped_metric_stays_on_the_server(shell, server):
    """Points are never removed: dropping the series only stops managing it."""
    text = "experiments: {a: }\nruns:\n  r: {experiment: a, metrics: {auc: 0.5}}\n"
    shell.apply(text)
    result = shell.apply("experiments: {a: }\nruns:\n  r: {experiment: a}\n")
    assert "not managed any more" in result.out
    assert server.run("r")["metrics"] == {"auc": 0.5}
    assert "No changes" in shell("plan").out


def test_a_changed_number_becomes_the_latest_value_and_the_old_one_stays(shell, server):
    text = "experiments: {a: }\nruns:\n  r: {experiment: a, metrics: {auc: 0.5}}\n"
    shell.apply(text)
    shell.apply(text.replace("0.5", "0.4"))
    assert server.run("r")["metrics"] == {"auc": 0.4}
    assert sorted(value for _, value in server.points("r", "auc")) == [0.4, 0.5]
    assert "No changes" in shell("plan").out


@pytest.mark.parametrize(
    ("written", "held"),
    [(".nan", "NaN"), (".inf", 1.7976931348623157e308), ("-.inf", -1.7976931348623157e308), ("1e-300", 1e-300)],
)
def test_odd_numbers_round_trip(written, held, shell, server):
    shell.apply(f"experiments: {{a: }}\nruns:\n  r: {{experiment: a, metrics: {{m: {written}}}}}\n")
    assert server.run("r")["metrics"]["m"] == held
    assert "No changes" in shell("plan").out
