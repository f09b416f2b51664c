"""Who holds a lock, as tags and in words."""

import pytest

from reconciler.core import lock
from reconciler.core.lock import MARGIN, TEXT, Held
from tests.lives import drive
from tests.locks import WIRE

TOKEN = "0123456789abcdef" * 2
OTHER = "f" * 32
NOW = 1_795_252_445_123
END = NOW + 300_000
HELD = Held(TOKEN, "alice", "build-7, process 4211", NOW, END)


def test_a_holder_is_read_as_it_was_written():
    assert lock.read(lock.tags(HELD)) == HELD
    assert lock.tags(HELD) == {
        "lock.token": TOKEN,
        "lock.who": "alice",
        "lock.where": "build-7, process 4211",
        "lock.since": "2026-11-21T09:14:05.123Z",
        f"lock.until.{TOKEN}": "2026-11-21T09:19:05.123Z",
    }


def test_the_latest_end_counts():
    """A renewal that arrives after a later one does not shorten the time."""
    first, second = Held(TOKEN, until=END + 1000), Held(TOKEN, until=END + 2000)
    assert lock.read(lock.tags(HELD) | lock.until(second, 1) | lock.until(first)).until == END + 2000
    assert lock.read(lock.tags(HELD) | lock.until(second) | lock.until(first, 1)).until == END + 2000


def test_an_end_that_is_somebody_elses_does_not_count():
    late = lock.until(Held(OTHER, until=END + 9000))
    assert lock.read(lock.tags(HELD) | late) == HELD
    assert lock.read({"lock.token": TOKEN} | late).until is None


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"lock.who": "alice"},
        {**lock.tags(HELD), "lock.token": ""},
        {**lock.tags(HELD), "lock.token": "a/b"},
        {**lock.tags(HELD), "lock.token": TOKEN.upper()},
        {**lock.tags(HELD), "lock.token": TOKEN + "0"},
    ],
)
def test_without_a_token_it_is_held_by_somebody_unknown(tags):
    held = lock.read(tags)
    assert held == Held()
    assert lock.words(held) == "held by somebody unknown"
    assert not held.expired(10**15)


@pytest.mark.parametrize("time", ["", "soon", "2026-13-01", "1969-01-01T00:00:00Z", "9" * 40])
def test_a_damaged_time_is_none(time):
    tags = {**lock.tags(HELD), "lock.since": time, f"lock.until.{TOKEN}": time}
    held = lock.read(tags)
    assert held == Held(TOKEN, "alice", "build-7, process 4211")
    assert lock.words(held) == "held by alice on build-7, process 4211"
    assert not held.expired(10**15)
    assert not held.stands(0)


def test_names_are_on_one_line_and_not_too_long():
    held = Held(TOKEN, "a\nb\x00c\ud800", "x" * 1000, NOW, END)
    tags = lock.tags(held)
    assert tags["lock.who"] == "a?b?c?"
    assert tags["lock.where"] == "x" * TEXT
    assert lock.read({**tags, "lock.who": "\x1b[31mroot"}).who == "?[31mroot"


def test_its_holder_gives_it_up_before_others_take_it():
    assert HELD.stands(END - MARGIN - 1)
    assert not HELD.stands(END - MARGIN)
    assert not HELD.expired(END + MARGIN)
    assert HELD.expired(END + MARGIN + 1)


def test_words():
    until = "until 2026-11-21 09:19:05 UTC"
    assert lock.words(HELD) == f"held by alice on build-7, process 4211, since 2026-11-21 09:14:05 UTC, {until}"
    assert lock.words(Held(TOKEN, until=END)) == f"held by somebody unknown, {until}"


def test_names_on_the_server():
    assert lock.name("ml") == "reconciler.ml.lock"
    assert lock.retired_name("ml", TOKEN) == f"reconciler.ml.lock.{TOKEN}"
    assert lock.retired_name("ml", "") == "reconciler.ml.lock.unknown"
    assert lock.token_in("ml", lock.retired_name("ml", TOKEN)) == TOKEN


def test_a_lock_that_shows_no_tags_is_read_again():
    """The server reads the tags last: of a lock that is released in that moment it finds none any more (3.17.2)."""
    bare = {"registered_model": {"name": "reconciler.ml.lock"}}
    gone = drive(WIRE.read("ml"), [bare], [None])
    assert (len(gone[0]), gone[1]) == (2, None)
    held = Held("0" * 32, "me", "here", since=1, until=2)
    tags = [{"key": key, "value": value} for key, value in lock.tags(held).items()]
    again = drive(WIRE.read("ml"), [bare], [{"registered_model": {"name": "reconciler.ml.lock", "tags": tags}}])
    assert again[1] == held
    unknown = drive(WIRE.read("ml"), [bare], [bare], [bare])
    assert (len(unknown[0]), unknown[1]) == (3, Held())
