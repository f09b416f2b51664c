"""Faults between a client and a server: what can go wrong with one request, and a proxy that makes it so."""

from .kinds import Ending, Fault
from .proxy import Proxy, proxy
from .relay import Relay, Seen
from .transport import FaultyTransport

__all__ = ["Ending", "Fault", "FaultyTransport", "Proxy", "Relay", "Seen", "proxy"]
