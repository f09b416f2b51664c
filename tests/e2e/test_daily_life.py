"""The main job: manifests become resources, a second apply changes nothing, one edited tag is one request."""

import json

from tests.e2e.tools import writes

MANIFEST = """\
experiments:
  fraud:
    name: fraud-detection-v3
    description: Card-not-present fraud
    tags: {team: risk, threshold: 0.10}
runs:
  baseline:
    experiment: fraud
    status: FINISHED
    params: {max_depth: 6}
    metrics: {auc: 0.91, loss: [{step: 0, value: 0.7}, {step: 1, value: 0.3}]}
    datasets: [{name: cards, digest: a1, source_type: s3, source: s3://cards, context: training}]
logged_models:
  xgb:
    experiment: fraud
    source_run: baseline
    type: Classifier
    status: READY
    params: {max_depth: 6}
    tags: {stage: candidate}
"""


def test_apply_then_plan_is_empty_and_a_second_apply_sends_no_write(shell, fake):
    shell.write("manifests/fraud.yaml", MANIFEST)
    assert "3 to create" in shell("plan").out
    assert writes(fake) == []
    assert "3 done" in shell("apply", "--yes").out
    assert "No changes" in shell("plan", "--detailed-exitcode").out
    before = len(writes(fake))
    shell("apply", "--yes")
    assert len(writes(fake)) == before


def test_a_plan_with_nothing_to_do_costs_three_reads(shell, fake):
    shell.write("manifests/fraud.yaml", MANIFEST)
    shell("apply", "--yes")
    before = len(fake.requests)
    shell("plan")
    assert sorted(one.path for one in fake.requests[before:]) == [
        "experiments/search",
        "logged-models/search",
        "runs/search",
    ]


def test_one_edited_tag_is_one_write_and_one_for_the_mark(shell, fake):
    shell.write("manifests/fraud.yaml", MANIFEST)
    shell("apply", "--yes")
    before = len(writes(fake))
    shell.write("manifests/fraud.yaml", MANIFEST.replace("team: risk", "team: ml"))
    plan = json.loads(shell("plan", "--format", "json").out)
    assert plan["summary"] == {"adopt": 0, "create": 0, "delete": 0, "noop": 2, "replace": 0, "restore": 0, "update": 1}
    shell("apply", "--yes")
    sent = writes(fake)[before:]
    assert [(one.path, one.body["key"]) for one in sent] == [
        ("experiments/set-experiment-tag", "team"),
        ("experiments/set-experiment-tag", "reconciler.ml"),
    ]
    assert sent[0].body["value"] == "ml"


def test_an_experiment_with_twenty_tags_is_one_write(shell, fake):
    tags = "".join(f"      tag{number}: value\n" for number in range(20))
    shell.write("manifests/many.yaml", f"experiments:\n  many:\n    tags:\n{tags}")
    shell("apply", "--yes")
    assert [one.path for one in writes(fake)] == ["experiments/create"]


def test_a_saved_plan_does_exactly_what_it_says(shell, fake):
    shell.write("manifests/fraud.yaml", MANIFEST)
    shell("plan", "--out", "plan.json")
    plan = json.loads((shell.folder / "plan.json").read_text())
    (shell.folder / "manifests/fraud.yaml").unlink()
    shell("apply", "plan.json", "--yes")
    planned = [(call["method"], call["path"]) for step in plan["steps"] for call in step["calls"]]
    sent = [(one.method, f"/api/2.0/mlflow/{one.path}") for one in writes(fake)]
    assert len(sent) > 5
    assert sorted(route for route in sent if "m-" not in route[1]) == sorted(r for r in planned if "{id}" not in r[1])
    assert len(sent) == len(planned)
