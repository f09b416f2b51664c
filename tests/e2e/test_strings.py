"""A text comes back from the server as it was declared, to the byte; or it is refused while planning."""

from __future__ import annotations

import os
from typing import Any

import pytest
import yaml

from tests.e2e.tools import sending

NASTY = {
    "empty": "",
    "blank": " ",
    "blanks around": "  a  ",
    "a newline": "a\nb",
    "newlines around": "\n\na\n\n",
    "windows": "a\r\nb\rc",
    "tabs": "\ta\tb\t",
    "single quotes": "it's 'so'",
    "double quotes": 'say "so"',
    "backslashes": "C:\\new\\table\\",
    "escapes": "\\n \\u0041 \\x41",
    "umlauts": "Größe für Ærø",
    "decomposed": "e\u0301",
    "composed": "\u00e9",
    "emoji": "🦊👩‍👩‍👧‍👦🏳️‍🌈",
    "right to left": "שלום \u202eabc",
    "chinese": "欺诈检测",
    "line separators": "a\u2028b\u2029c\x85d",
    "nothing to see": "\u200b\ufeff\u00ad",
    "controls": "a\x07b\x1bc\x7fd",
    "a mark of bytes": "\ufeffa",
    "like a number": "0.10",
    "like another number": "1_000",
    "like an octal": "0o17",
    "like a time": "2024-01-01",
    "like a truth": "on",
    "like nothing": "null",
    "a tilde": "~",
    "like JSON": '{"a": ["b"]}',
    "like a comment": "# a",
    "like an alias": "*a &b !c %d @e `f",
    "like a merge": "<<",
    "a colon": "a: b",
    "a filter": "' OR '1'='1",
    "a percent": "100% %s %20",
    "dollars": "$5 $$ $ {a}",
    "an expression": "${var.x}",
    "an escaped expression": "$${var.x} $$${y}",
    "html": "<b>&amp;</b>",
    "long": "é🦊" * 2500,
}
KEYS = ["a.b", "a/b/c", "a b", "a:b", "a-b_c", "Größe", "欺诈", "0", "on", "null", "a" * 250, "keys", "v", "tags"]
MODEL_KEYS = [*[key for key in KEYS if "/" not in key], "50%", "a?b#c", "a=b&c", "'a'", '"b"', "🦊", "a+b", "..."]


def literal(text: str) -> str:
    return text.replace("${", "$${")


def manifest(experiment: dict[str, Any], run: dict[str, Any], model: dict[str, Any]) -> str:
    """The YAML of one experiment, one run and one logged model, as a program would write it."""
    stack = {
        "experiments": {"e": experiment},
        "runs": {"r": {"experiment": "e", **run}},
        "logged_models": {"m": {"experiment": "e", **model}},
    }
    readable = yaml.safe_dump(_literal(stack), allow_unicode=True)
    # PyYAML writes U+0085 as it is, which for YAML is the end of a line
    return readable if yaml.safe_load(readable) == _literal(stack) else yaml.safe_dump(_literal(stack))


def _literal(value: Any) -> Any:
    if isinstance(value, dict):
        return {_literal(key): _literal(inner) for key, inner in value.items()}
    return literal(value) if isinstance(value, str) else value


def own(tags: dict[str, str]) -> dict[str, str]:
    """Without marks and the server's own, but with the description."""
    return {k: v for k, v in tags.items() if not k.startswith(("reconciler.", "mlflow.")) or k == "mlflow.note.content"}


def check_round_trip(shell, server, experiment, run, model):
    """Apply, read back, plan: the same text, and nothing more to do."""
    (held,) = server.experiments().values()
    tags = experiment.get("tags", {}) | (
        {"mlflow.note.content": experiment["description"]} if "description" in experiment else {}
    )
    assert held["name"] == experiment.get("name", "e")
    assert own(held["tags"]) == tags
    ((made,),) = server.runs().values()
    tags = run.get("tags", {}) | ({"mlflow.note.content": run["description"]} if "description" in run else {})
    assert made["run_name"] == run.get("name", "r")
    assert own(made["tags"]) == tags
    assert made["params"] == run.get("params", {})
    ((found,),) = server.models().values()
    assert found["name"] == model.get("name", "m")
    assert own(found["tags"]) == model.get("tags", {})
    assert found["params"] == model.get("params", {})
    assert "No changes" in shell("plan").out


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_text_survives(name, shell, server):
    text = NASTY[name]
    named = {"name": text} if text and len(text) <= 250 else {}
    experiment = {"tags": {"t": text}, "description": text, **named}
    run = {"tags": {"t": text}, "description": text, "params": {"p": text}, **named}
    model = {"tags": {"t": text}, "params": {"p": text}}
    shell.apply(manifest(experiment, run, model))
    check_round_trip(shell, server, experiment, run, model)


def test_nasty_keys_survive(shell, server):
    tags, model_tags = dict.fromkeys(KEYS, "x"), dict.fromkeys(MODEL_KEYS, "x")
    experiment, run = {"tags": tags}, {"tags": tags, "params": tags}
    model = {"tags": model_tags, "params": model_tags}
    shell.apply(manifest(experiment, run, model))
    check_round_trip(shell, server, experiment, run, model)


def test_nasty_keys_can_be_removed_again(shell, server):
    tags, model_tags = dict.fromkeys(KEYS, "x"), dict.fromkeys(MODEL_KEYS, "x")
    shell.apply(manifest({"tags": tags}, {"tags": tags}, {"tags": model_tags}))
    shell.apply(manifest({}, {}, {}))
    check_round_trip(shell, server, {}, {}, {})


def test_keys_of_metrics_and_names_of_datasets_survive(shell, server):
    """A dataset goes by its name and digest; the digest cannot hold the `@` between the two."""
    name = 'cards "2" @ é/🦊\n'
    dataset = {"name": name, "digest": "a1", "source_type": "s3", "source": name, "context": name, "schema": "{}"}
    stack = {
        "experiments": {"e": {}},
        "runs": {"r": {"experiment": "e", "metrics": dict.fromkeys(KEYS, 0.5), "datasets": [dataset]}},
    }
    shell.apply(yaml.safe_dump(stack))
    assert server.run("r")["metrics"] == dict.fromkeys(KEYS, 0.5)
    assert "No changes" in shell("plan").out


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "a\udfffb"], ids=ascii)
@pytest.mark.parametrize("field", ["tag", "description", "name", "param"])
def test_what_no_server_keeps_is_refused_while_planning(text, field, shell, fake):
    """NUL is refused by PostgreSQL; half a surrogate pair is no character."""
    escaped = '"' + "".join(f"\\u{ord(char):04x}" for char in text) + '"'
    bodies = {
        "tag": f"tags: {{t: {escaped}}}",
        "description": f"description: {escaped}",
        "name": f"name: {escaped}",
        "param": f"params: {{p: {escaped}}}",
    }
    shell.manifest(f"experiments: {{e: }}\nruns:\n  r: {{experiment: e, {bodies[field]}}}\n")
    with sending(fake) as sent:
        result = shell("apply", "--yes", code=1)
    assert "manifests/main.yaml:3:" in result.err
    assert "[limit]" in result.err or "[yaml-syntax]" in result.err
    assert "hint: " in result.err
    assert sent.paths == []


def test_an_item_that_is_no_text_is_refused_while_planning(shell, fake, monkeypatch):
    """The environment can hold bytes that are no UTF-8; in an address they could not even be shown."""
    monkeypatch.setenv("REGION", os.fsdecode(b"eu\x80"))
    manifest = "experiments: {e: }\nruns:\n  r: {for_each: ['${env.REGION}'], experiment: e, name: n}\n"
    with sending(fake) as sent:
        result = shell.apply(manifest, code=1)
    assert "manifests/main.yaml:3:" in result.err
    assert "'${env.REGION}' cannot be the key of an item [bad-key]" in result.err
    assert "bytes that are no UTF-8" in result.err
    assert sent.paths == []


@pytest.mark.parametrize("location", ["abfss://files@account.dfs.core.windows.net/ml", "hdfs://namenode:9000/ml"])
def test_a_location_that_the_operator_has_to_allow_fails_with_the_servers_words(location, shell, server):
    """Which hosts a server allows cannot be known while planning; nothing is made where it refuses one."""
    result = shell.apply(f"experiments: {{e: {{artifact_location: '{location}'}}}}", code=None)
    assert result.code == 4
    scheme = location.partition(":")[0]
    assert f"'artifact_location' cannot use the '{scheme}' scheme" in result.out + result.err
    assert server.experiments() == {}


@pytest.mark.real
def test_nasty_texts_survive_on_the_embedded_mlflow(shell):
    """Read back with MLflow's own client from the database that the reconciler wrote."""
    mlflow = pytest.importorskip("mlflow")
    store = f"sqlite:///{shell.folder}/real.db"
    shell.configure(store)
    texts = {f"t{number}": text for number, (_, text) in enumerate(sorted(NASTY.items()))}
    keys = dict.fromkeys(KEYS, "x")
    description = "\n".join(text for text in texts.values() if len(text) < 100)
    name = ' Größe "🦊" \'\\\n '
    experiment = {"tags": texts | keys, "description": description, "name": name}
    run = {
        "tags": texts | keys,
        "params": texts | keys,
        "description": description,
        "name": name,
    }
    model = {"tags": texts | dict.fromkeys(MODEL_KEYS, "x"), "params": texts | dict.fromkeys(MODEL_KEYS, "x")}
    assert "3 done" in shell.apply(manifest(experiment, run, model)).out
    client = mlflow.MlflowClient(tracking_uri=store)
    held = client.get_experiment_by_name(name)
    assert own(held.tags) == experiment["tags"] | {"mlflow.note.content": description}
    (made,) = client.search_runs([held.experiment_id])
    assert made.info.run_name == name
    assert own(made.data.tags) == run["tags"] | {"mlflow.note.content": description}
    assert made.data.params == run["params"]
    (found,) = client.search_logged_models([held.experiment_id])
    assert own(found.tags) == model["tags"]
    assert found.params == model["params"]
    assert "No changes" in shell("plan", "--detailed-exitcode").out
    shell.apply(manifest({"name": name}, {"name": name, "params": run["params"]}, {"params": model["params"]}))
    assert own(client.get_experiment(held.experiment_id).tags) == {}
    assert own(client.get_run(made.info.run_id).data.tags) == {}
    assert own(client.get_logged_model(found.model_id).tags) == {}
    assert "No changes" in shell("plan", "--detailed-exitcode").out
