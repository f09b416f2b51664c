"""Two stacks and a person write to one experiment at once, each their own keys: nobody's is lost."""

from __future__ import annotations

import threading

import pytest

from tests.fakes.mlflow import FakeMlflow
from tests.reliability.cases import ALL
from tests.reliability.crowd import api, configure, crowd
from tests.servers import real_mlflow

KEYS = 6
NAME = "theirs"


def write(folder, stack, number):
    """Tags with this round's value; one of them is new in each round, and that of the last round goes."""
    tags = {f"{stack}.{key}": f"{number}" for key in [*map(str, range(KEYS)), f"only-{number}"]}
    entries = "".join(f"      {key}: '{value}'\n" for key, value in tags.items())
    text = f"experiments:\n  shared:\n    name: {NAME}\n    existing: true\n    tags:\n{entries}"
    (folder / "main.yaml").write_text(text, encoding="utf-8")
    return tags


class Person(threading.Thread):
    """Sets tags of their own again and again; `last` is what they set last."""

    def __init__(self, server, experiment):
        super().__init__(daemon=True)
        self.server, self.experiment = server, experiment
        self.over = threading.Event()
        self.last = {}
        self.writes = 0

    def run(self):
        while not self.over.is_set():
            self.writes += 1
            key, value = f"person.{self.writes % 3}", str(self.writes)
            body = {"experiment_id": self.experiment, "key": key, "value": value}
            self.server.post("experiments/set-experiment-tag", body)
            self.last[key] = value


def rounds(url, folder, count, tally, what):
    stacks = {name: configure(folder / name, url, name) for name in ("ml", "ops")}
    with crowd() as together, api(url) as server, api(url) as other:
        experiment = server.experiment(name=NAME)
        for number in range(count):
            wanted = {}
            for name, place in stacks.items():
                wanted |= write(place, name, number)
            person = Person(other, experiment)
            person.start()
            ended = together(*[(place, ("apply", "--yes")) for place in stacks.values()])
            person.over.set()
            person.join()
            assert [one.code for one in ended] == [0, 0], [one.out + one.err for one in ended]
            tags = server.experiment_tags(experiment)
            own = {key: value for key, value in tags.items() if not key.startswith(("reconciler.", "mlflow."))}
            assert own == wanted | person.last
            tally[f"{what}: rounds with no key lost"] += 1
            tally[f"{what}: writes of the person meanwhile"] += person.writes
        ended = together(*[(place, ("plan", "--detailed-exitcode")) for place in stacks.values()])
        assert [one.code for one in ended] == [0, 0]


def test_on_the_fake(tmp_path, tally):
    with FakeMlflow().serve() as url:
        rounds(url, tmp_path, 50 if ALL else 2, tally, "two stacks and a person, fake")


@pytest.mark.real
def test_on_a_real_server(tmp_path, tally):
    (tmp_path / "server").mkdir()
    with real_mlflow(tmp_path / "server") as url:
        rounds(url, tmp_path, 100 if ALL else 2, tally, "two stacks and a person, real server")
