"""How the program's memory is looked after."""

from __future__ import annotations

import gc

YOUNG = 200_000
"""So many new objects before the collector looks through them (Python's own: 700)."""


def settle() -> None:
    """Collect seldom: what a plan is made of is many objects that live to its end, and nearly none in circles."""
    gc.set_threshold(YOUNG, 20, 100)
