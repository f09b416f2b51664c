"""What needs what, as Mermaid and DOT: edges lead from what comes first, and no name breaks out of its label."""

import re

import pytest

from reconciler import registry
from reconciler.core.address import Address
from reconciler.core.change import Action
from reconciler.core.plan import SYMBOLS, Plan, Step
from reconciler.report.graph import COLORS, INK, LONGEST, dot, mermaid, of_desired, of_plan
from tests.world import declare

FRAUD, RUN, MODEL = Address("experiments", "fraud"), Address("runs", "r"), Address("logged_models", "m")
HOSTILE = [
    'a"b',
    "a\\",
    '\\"',
    "a]b[c",
    "<b>&amp;",
    "#quot; #34;",
    "%% {init}",
    "x\ny",
    "`md`",
    "\u202e\x1b",
    "日本",
    ";",
]


def plan(*steps):
    return Plan("ml", "prod", "mlflow", steps)


PLAN = plan(
    Step(FRAUD, Action.create),
    Step(RUN, Action.update, needs=(FRAUD,)),
    Step(MODEL, Action.delete, needs=(Address("runs", "left-out"),)),
)


def test_a_plan_as_mermaid():
    assert mermaid(of_plan(PLAN)) == (
        "flowchart LR\n"
        '  n0["experiments.fraud (+ create)"]\n'
        '  n1["runs.r (~ update)"]\n'
        '  n2["logged_models.m (#45; delete)"]\n'
        "  n0 --> n1\n"
        "  classDef create fill:#e2f4e6,stroke:#1a7f37,color:#1f2328\n"
        "  classDef update fill:#fff4d1,stroke:#8a6100,color:#1f2328\n"
        "  classDef delete fill:#ffe9e7,stroke:#c4232a,color:#1f2328\n"
        "  class n0 create\n"
        "  class n1 update\n"
        "  class n2 delete\n"
    )


def test_a_plan_as_dot():
    assert dot(of_plan(PLAN)).splitlines() == [
        "digraph reconciler {",
        "  rankdir=LR",
        '  node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=11]',
        '  n0 [label="experiments.fraud (+ create)", fillcolor="#e2f4e6", color="#1a7f37", fontcolor="#1f2328"]',
        '  n1 [label="runs.r (~ update)", fillcolor="#fff4d1", color="#8a6100", fontcolor="#1f2328"]',
        '  n2 [label="logged_models.m (- delete)", fillcolor="#ffe9e7", color="#c4232a", fontcolor="#1f2328"]',
        "  n0 -> n1",
        "}",
    ]


def test_what_is_declared_has_no_action():
    desired = declare(
        {
            "experiments": {"fraud": {}},
            "runs": {"r": {"experiment": "fraud"}},
            "logged_models": {"m": {"experiment": "fraud", "source_run": "r"}},
        }
    )
    graph = of_desired(desired, registry.kinds())
    assert graph.edges == [(FRAUD, MODEL), (RUN, MODEL), (FRAUD, RUN)]
    assert '["experiments.fraud"]' in mermaid(graph)
    assert "class" not in mermaid(graph)
    assert 'label="experiments.fraud"' in dot(graph)


def test_nothing_is_a_graph_too():
    assert mermaid(of_plan(plan())) == "flowchart LR\n"
    assert dot(of_plan(plan())).endswith("fontsize=11]\n}\n")


@pytest.mark.parametrize("action", [action for action in Action if action])
def test_every_action_has_its_color_its_symbol_and_its_word(action):
    graph = of_plan(plan(Step(FRAUD, action)))
    assert f"({SYMBOLS[action]} {action})" in dot(graph)
    assert COLORS[action][0] in dot(graph)
    assert COLORS[action][0] in mermaid(graph)


def luminance(color):
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("fill", [fill for fill, _ in COLORS.values()])
def test_what_is_written_in_a_node_can_be_read(fill):
    assert (luminance(fill) + 0.05) / (luminance(INK) + 0.05) >= 7


@pytest.mark.parametrize("odd", HOSTILE)
def test_no_name_breaks_out_of_its_label(odd):
    graph = of_plan(plan(Step(Address("runs", odd), Action.create)))
    node = mermaid(graph).splitlines()[1]
    assert re.fullmatch(r'  n0\["([\w ._/+~,=()\[\]]|#\d+;)*"\]', node)
    label = re.fullmatch(r'  n0 \[label="((?:[^"\\]|\\["\\])*)", .*\]', dot(graph).splitlines()[3])
    assert "&" not in re.sub("&amp;", "", label[1])
    assert mermaid(graph).isprintable() or mermaid(graph).replace("\n", "").isprintable()
    assert dot(graph).replace("\n", "").isprintable()


def test_a_name_without_end_is_cut():
    found = dot(of_plan(plan(Step(Address("runs", "n" * 9999), Action.create))))
    assert f"{'n' * (LONGEST - 5)}… (+ create)" in found
