"""What the program asks of its own process, so that a command starts soon and a large plan is made soon."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from types import ModuleType
from typing import cast

YOUNG = 1_000_000
"""So many new objects before the collector looks through them (Python's own: 700)."""
_UNUSED = "httpx._main"


def settle() -> None:
    """Collect seldom: what a plan is made of is many objects that live to its end, and nearly none in circles.

    httpx 0.28 loads its own program with itself, and with that rich and pygments: half of the time that it takes.
    pydantic 2.14 looks for plug-ins of its own in all that is installed; none could change what is valid here. What
    this process starts (git) is told the same.
    What is left at the end goes with the process: to collect it takes longer than `--version` does.
    """
    gc.set_threshold(YOUNG, 20, 100)
    sys.modules.setdefault(_UNUSED, cast(ModuleType, None))
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    atexit.register(gc.freeze)
