"""Releasing the lock of an apply that is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler import registry
from reconciler.core.lock import MARGIN, words
from reconciler.runtime.lock import Clock
from reconciler.runtime.locking import KEPT, LENGTH
from tests.e2e.tools import sending
from tests.fakes.mlflow import Fault
from tests.locks import WIRE, ask, holder, locks, place

LOCK = "reconciler.ml.lock"
ONE = "experiments:\n  fraud: {}\n"


@pytest.fixture
def bob(fake):
    """Somebody who holds the lock since just now."""
    held = holder("bob", Clock().now())
    place(fake, held)
    return held


def test_there_is_nothing_to_release(shell, fake):
    with sending(fake) as sent:
        assert shell("unlock").out == "The stack 'ml' is not locked.\n"
    assert sent.paths == []


@pytest.mark.parametrize("token", [True, False])
def test_the_holder_is_shown_and_the_lock_released(shell, fake, bob, token):
    done = shell("unlock", "--yes", *([bob.token] if token else []))
    assert done.out == "Released.\n"
    assert done.err == f"The stack 'ml' is locked: {words(bob)}.\n"
    assert LOCK not in locks(fake)
    assert shell.apply(ONE).out.endswith("Apply complete: 1 done.\n")


def test_it_asks(shell, fake, bob):
    declined = shell("unlock", answer="n", code=1)
    assert "Release the lock?" in declined.err
    assert "Cancelled; nothing was written." in declined.err
    assert locks(fake) == {LOCK: bob}
    assert shell("unlock", answer="y").out == "Released.\n"
    assert LOCK not in locks(fake)


def test_without_a_terminal_it_does_not_ask(shell, fake, bob):
    refused = shell("unlock", code=5)
    assert "held by bob" in refused.err
    assert "[no-answer]" in refused.err
    assert locks(fake) == {LOCK: bob}


def test_the_lock_of_another_one_than_was_named_is_not_released(shell, fake, bob):
    refused = shell("unlock", "--yes", "0" * 32, code=5)
    assert "held by bob" in refused.err
    assert "[lock-held]" in refused.err
    assert locks(fake) == {LOCK: bob}


def test_an_apply_names_what_unlock_takes(shell, fake, bob):
    refused = shell.apply(ONE, code=5)
    (command,) = [line.partition("gone: ")[2] for line in refused.err.splitlines() if "reconciler unlock" in line]
    assert command == f"reconciler unlock {bob.token}"
    shell(*command.split()[1:], "--yes")
    assert LOCK not in locks(fake)


def test_what_is_left_of_old_locks_goes_too(shell, fake):
    old = holder("old", Clock().now() - KEPT - LENGTH - MARGIN)
    place(fake, old)
    ask(fake, WIRE.retire("ml", old.token))
    assert "Deleted what was left of old locks: 1." in shell("unlock").err
    assert locks(fake) == {}


def test_the_lock_of_another_stack_is_none_of_ours(shell, other, fake, bob):
    assert other("unlock", "--yes").out == "The stack 'ops' is not locked.\n"
    assert locks(fake) == {LOCK: bob}


def test_an_account_that_may_not(shell, fake, bob):
    fake.fault = lambda _number, _method, path: Fault(403, "Permission denied") if path.endswith("rename") else None
    assert "[credentials]" in shell("unlock", "--yes", code=6).err
    assert locks(fake) == {LOCK: bob}


def test_a_backend_without_a_lock(shell, monkeypatch):
    without = {name: replace(backend, lock=None) for name, backend in registry.backends().items()}
    monkeypatch.setattr(registry, "backends", lambda: without)
    assert shell("unlock", "--yes").out == "The backend 'mlflow' has no lock.\n"


def test_an_apply_whose_lock_is_released_meanwhile_ends_well(shell, fake):
    """It has done nothing wrong; that it had no lock any more it hears in the end."""
    freed = []

    def fault(_number: int, _method: str, path: str) -> None:
        if path == "experiments/create" and not freed:
            freed.append(shell.run("unlock", "--yes").out)

    fake.fault = fault
    assert "[lock-lost]" in shell.apply(ONE).err
    assert freed == ["Released.\n"]
    assert LOCK not in locks(fake)
