"""The marks that an apply would leave: each found out once, as soon as anybody has the time."""

from reconciler.core import mark as marks
from reconciler.core.diff import mark_of
from reconciler.core.intents import Intents
from tests.lives import entry

TWO = [entry("experiments.fraud", tags={"team": "risk"}), entry("runs.base", experiment="fraud")]


def test_an_intent_is_the_mark_and_the_tags_that_hold_it():
    intents = Intents("ml")
    assert intents.mark(TWO[0]) == mark_of(TWO[0])
    assert intents.tags(TWO[0]) == marks.write(mark_of(TWO[0]), "ml")


def test_it_is_found_out_once():
    intents = Intents("ml")
    assert intents.mark(TWO[0]) is intents.mark(TWO[0])
    assert intents.tags(TWO[0]) is intents.tags(TWO[0])


def test_the_tags_are_written_for_whoever_asks_for_them_alone():
    intents = Intents("ml")
    intents.mark(TWO[0])
    assert not intents._tags


def test_ahead_of_time_they_are_the_same_one_after_the_other():
    intents = Intents("ml")
    pieces = intents.ahead(TWO)
    for count in range(len(TWO)):
        assert len(intents._tags) == count
        next(pieces)
    assert list(pieces) == []
    assert [intents.mark(one) for one in TWO] == [Intents("ml").mark(one) for one in TWO]
    assert [intents.tags(one) for one in TWO] == [Intents("ml").tags(one) for one in TWO]
