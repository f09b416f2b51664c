"""What chance makes of the corpus and of good replies ends in findings and in errors with words, never in any other."""

from __future__ import annotations

import copy
import json
import os
import random

import httpx
import pytest

from reconciler import registry
from reconciler.config import load
from reconciler.core.diagnostics import Failed
from reconciler.core.limits import check
from reconciler.core.resolve import resolve
from reconciler.core.scope import Scope
from reconciler.core.source import parse
from reconciler.report.diagnostics import diagnostic_lines
from reconciler.report.lines import plain
from reconciler.runtime.apply import Unproven
from reconciler.runtime.errors import RequestFailed
from tests.fakes.mlflow import FakeMlflow
from tests.hostile.corpus import HERE, cases
from tests.lives import KINDS, WIRES
from tests.world import World, declare

ROUNDS = 200 if os.environ.get("RECONCILER_TEST_ALL") else 4
SCOPE = Scope({"env": "dev", "none": "", "unset": None}, {"TOKEN": "t"}, "local", "ml")
LARGEST = 6000
"""Bytes of the files that are mutated, so that many are."""
PIECES = [
    *("${", "}", "[", "]", "{", ": ", "\n", "  ", "- ", "&a ", "*a", "<<: ", "!!str ", "'", '"', "|\n", "~", "null"),
    *(
        "for_each: ",
        "${each.key}",
        "${var.env}",
        "${env.TOKEN}",
        "$${",
        "\u2028",
        "\x85",
        "\ufeff",
        "\t",
        "# ",
        "---\n",
    ),
    *(
        "? ",
        ",",
        "tags: {",
        "metrics: {a: ",
        "experiment: e",
        "existing: true",
        "9" * 30,
        "@",
        "%",
        "\0",
        "実",
        "\ud800",
    ),
]
VALUES = [
    *(None, 0, -1, 5.5, True, "", "x", "..", "../x", "\ud800", "\x00", "\x1b[2J", [], {}, [None], ["x"], {"a": "b"}),
    *(
        10**30,
        float("nan"),
        "9" * 5000,
        "deleted",
        "archived",
        "NaN",
        '{"v":1}',
        "1",
        "reconciler.ml",
        "reconciler.ops",
    ),
    '{"v":1,"address":"experiments.fraud","keys":{"x":1,"":2}}',
    '{"v":1,"address":"runs.base","keys":{"metrics":"1","params/z":"2","experiment":"3"}}',
]


def texts(corpus):
    files = [HERE / corpus / f"{case}.yaml" for case in cases(corpus, ".yaml") if not case.startswith("bytes/")]
    return [file.read_text(encoding="utf-8", errors="replace") for file in files if file.stat().st_size <= LARGEST]


def mutated(text, others, chance):
    """`text` with pieces put in, taken out, moved, and taken over from other texts."""
    for _ in range(chance.randint(1, 6)):
        at, other = chance.randrange(len(text) + 1), chance.choice(others)
        start = chance.randrange(len(other) + 1)
        piece = chance.choice([chance.choice(PIECES), other[start : start + chance.randint(1, 80)], ""])
        gone = 0 if piece else chance.randint(1, 20)
        text = text[:at] + piece + text[at + gone :]
    return text


def manifest(text):
    document, found = parse(text, "main.yaml")
    if document:
        desired, problems = resolve([document], KINDS, SCOPE, None, ("tags.token", "name"))
        found += problems + check(desired, KINDS, WIRES, "mlflow")
    return found


def configuration(text):
    document, found = parse(text, "reconciler.yaml")
    config, problems = load(document, registry.backends(), {})
    for name in config.targets if config else ():
        problems += config.select(name, {}, {"TOKEN": "t"})[1]
    return found + problems


@pytest.mark.parametrize(("corpus", "read"), [("manifests", manifest), ("configs", configuration)])
def test_a_mutated_text_is_right_or_has_findings(corpus, read):
    chance, every = random.Random(ROUNDS), texts(corpus)
    for text in [mutated(text, every, chance) for _ in range(ROUNDS) for text in every]:
        try:
            for finding in read(text):
                assert plain(diagnostic_lines(finding, {"main.yaml": text}))
        except Exception as problem:
            raise AssertionError(repr(text)) from problem


BEFORE = {
    "experiments": {"fraud": {"tags": {"team": "risk"}}, "old": {}},
    "runs": {
        "base": {
            "experiment": "fraud",
            "metrics": {"loss": [{"step": 0, "value": 0.7}]},
            "params": {"a": "1"},
            "datasets": [{"name": "d", "digest": "1", "source_type": "s3", "source": "x"}],
            "end_time": "2026-01-01",
        }
    },
    "logged_models": {"xgb": {"experiment": "fraud", "params": {"a": "1"}}},
}
AFTER = {
    "experiments": {"fraud": {"tags": {"team": "ml"}, "description": "x"}, "churn": {}},
    "runs": {
        "base": BEFORE["runs"]["base"] | {"metrics": {"loss": [{"value": 0.7}, {"step": 1, "value": 0.5}], "auc": 0.5}},
        "fresh": {"experiment": "churn"},
    },
    "logged_models": {"xgb": {"experiment": "fraud", "params": {"a": "1"}, "status": "READY"}},
}


def places(value, path=()):
    """The paths of all that is in a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from places(one, (*path, key))


class Mutating(httpx.BaseTransport):
    """Half of the replies have something else in them, or lack something, or have it twice."""

    def __init__(self, inner, chance):
        self.inner, self.chance = inner, chance

    def handle_request(self, request):
        answer = self.inner.handle_request(request)
        if answer.status_code != httpx.codes.OK or self.chance.random() < 0.5:
            return answer
        reply = json.loads(answer.read())
        for _ in range(self.chance.choice([1, 1, 1, 3])):
            self.damage(reply)
        return httpx.Response(200, content=json.dumps(reply).encode(), request=request)

    def damage(self, reply):
        *way, last = self.chance.choice([*places(reply), ("more",)])
        for key in way:
            reply = reply[key]
        action = self.chance.random()
        if action < 0.6 or last == "more":
            reply[last] = copy.deepcopy(self.chance.choice(VALUES))
        elif action < 0.8 or isinstance(reply, dict):
            del reply[last]
        else:
            reply.insert(last, copy.deepcopy(reply[last]))


def test_mutated_replies_are_used_or_refused():
    fake = FakeMlflow()
    World(fake.transport()).sync(BEFORE)
    state, chance, ended = fake._state, random.Random(ROUNDS), set()
    world = World(Mutating(fake.transport(), chance))
    for _ in range(ROUNDS * 50):
        fake._state = copy.deepcopy(state)
        try:
            plan, problems = world.draft(declare(chance.choice([AFTER, AFTER, BEFORE, {}])))
            ended.add("refused" if problems else "planned")
            outcomes = world.apply(plan) if not problems else []
        except (RequestFailed, Failed, Unproven) as error:
            ended.add(type(error).__name__)
        else:
            assert all(outcome.finding != "internal" for outcome in outcomes), outcomes
    assert {"planned", "refused", "BadReply"} <= ended
