"""From questions to a server to what it is and who we are to it; each is asked once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.core.wire import Backend, Server, Unsupported
from reconciler.runtime.observe import Send, read


@dataclass(slots=True)
class Acquaintance:
    """One target's server. `server`: what it is taken to be, and what it is once it was `met`."""

    backend: Backend
    options: Any
    server: Server = field(default_factory=Server)
    met: bool = False
    _sound: bool = False

    def unmet(self, send: Send) -> Unsupported | None:
        """What the target asks for and the server would pass over in silence. Raises RequestFailed."""
        if self._sound or not self.backend.unmet:
            return None
        found = read(self.backend.unmet(self.options), send)
        self._sound = found is None
        return found

    def ask(self, send: Send) -> bool:
        """Ask it what it is; whether that is other than it was taken to be. Raises RequestFailed."""
        if self.met or not self.backend.probe:
            return False
        caller = self.server.caller
        self.server = replace(read(self.backend.probe(self.options), send), caller=caller)
        self.met = True
        return not self.server.usual

    def ask_for_caller(self, send: Send) -> bool:
        """Ask it who we are; whether that was not known. Raises RequestFailed."""
        if self.server.caller is not None or not self.backend.caller:
            return False
        self.server = replace(self.server, caller=read(self.backend.caller(self.options), send))
        return True
