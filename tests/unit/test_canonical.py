"""What is declared, in the form in which its server holds it."""

from reconciler.core.canonical import canonical
from reconciler.core.change import Secret
from reconciler.core.interpolate import Broken
from reconciler.core.wire import Wire
from tests.lives import WIRES, entry, path

NAME = path("name")


class Upper(Wire):
    """A server whose names are in capitals."""

    def canonical(self, path, value):
        return value.upper() if path == NAME else value


def named(value, wires):
    desired = entry("experiments.fraud", name="x", tags={"team": "ml"})
    desired.fields[NAME] = value
    found = canonical({desired.address: desired}, wires)[desired.address]
    assert found.fields[path("tags.team")] == "ml"
    assert (found.address, found.document) == (desired.address, desired.document)
    return found.fields[NAME]


def test_a_wire_gives_its_form():
    assert named("fraud", {"experiments": Upper()}) == "FRAUD"


def test_most_wires_take_a_value_as_it_is():
    assert named("fraud", WIRES) == "fraud"


def test_a_kind_that_the_backend_has_not_stays_as_it_is():
    assert named("fraud", {}) == "fraud"


def test_a_secret_and_what_is_no_text_yet_stay_what_they_are():
    for value in (Secret("fraud", "${env.NAME}"), Broken("${var.x}")):
        assert named(value, {"experiments": Upper()}) is value
