"""Drift as text and as JSON: the words of each kind, with and without the value that was applied."""

import json

import pytest

from reconciler.core.drift import Drift, Drifts
from reconciler.report.drift import drift_lines, dump
from reconciler.report.lines import plain
from tests.lives import address

FRAUD, RUN = address("experiments.fraud"), address("runs.r")
TEAM = ("tags", "team")


def drifts(*found, **more):
    return Drifts("ml", "prod", "mlflow", found, **more)


def text(*found, **more):
    return plain(drift_lines(drifts(*found, **more)))


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (Drift(FRAUD, TEAM, "changed", "ops"), 'tags.team: changed on the server, now "ops"'),
        (Drift(FRAUD, TEAM, "changed", "ops", "ml"), 'tags.team: "ml" -> "ops"   changed on the server'),
        (Drift(FRAUD, TEAM, "changed", "", "ml"), 'tags.team: "ml" -> ""   changed on the server'),
        (Drift(FRAUD, TEAM, "changed", "x", ""), 'tags.team: "" -> "x"   changed on the server'),
        (Drift(FRAUD, TEAM, "missing"), "tags.team: missing on the server"),
        (Drift(FRAUD, TEAM, "missing", None, "ml"), 'tags.team: "ml" -> (removed)   missing on the server'),
        (Drift(FRAUD, TEAM, "changed", {"$sensitive": ""}), "tags.team: changed on the server, now (sensitive)"),
        (Drift(FRAUD, ("tags", "a/b"), "missing"), "tags.'a/b': missing on the server"),
        (Drift(FRAUD, TEAM, "changed", "\x1b[2J"), r'tags.team: changed on the server, now "\u001b[2J"'),
    ],
)
def test_a_field(one, line):
    assert text(one).splitlines()[2:4] == ["  ~ experiments.fraud", f"      {line}"]


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("deleted", "  - experiments.fraud  deleted on the server"),
        ("restored", "  ↺ experiments.fraud  active on the server, though this stack deleted it"),
    ],
)
def test_a_resource(kind, line):
    assert text(Drift(FRAUD, (), kind)).splitlines()[2:4] == [line, ""]


def test_a_block_for_each_resource_and_the_counts_last():
    found = (Drift(FRAUD, ("name",), "changed", "x"), Drift(FRAUD, TEAM, "missing"), Drift(RUN, (), "deleted"))
    assert text(*found, ignored=2) == (
        "Stack ml on target prod (mlflow):\n"
        "\n"
        "  ~ experiments.fraud\n"
        '      name: changed on the server, now "x"\n'
        "      tags.team: missing on the server\n"
        "\n"
        "  - runs.r  deleted on the server\n"
        "\n"
        "Drift: 1 changed, 1 missing, 1 deleted. Ignored: 2.\n"
    )


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"resources": 3}, "No drift: the server holds what this stack last applied."),
        ({"resources": 0}, "No drift: the server holds nothing of the stack ml."),
        ({"resources": 3, "ignored": 1}, "No drift but for what is ignored. Ignored: 1."),
    ],
)
def test_no_drift(more, line):
    assert text(**more) == f"{line}\n"


def test_the_document_is_sorted_and_ends_with_a_newline():
    written = dump(drifts(Drift(FRAUD, TEAM, "changed", "é", "ml"), Drift(RUN, (), "deleted"), ignored=1), "0.1.0")
    document = json.loads(written)
    assert written == json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    assert document == {
        "format": 1,
        "tool": "0.1.0",
        "stack": "ml",
        "target": "prod",
        "backend": "mlflow",
        "server": "",
        "summary": {"changed": 1, "missing": 0, "deleted": 1, "restored": 0, "ignored": 1},
        "drift": [
            {"address": "experiments.fraud", "path": ["tags", "team"], "kind": "changed", "live": "é"},
            {"address": "runs.r", "path": [], "kind": "deleted", "live": None},
        ],
    }
