"""An in-memory imitation of the MLflow 3.17.2 tracking server, quirks included.

`tests/contract` runs the same assertions against this fake and against a real server, so that it cannot rot.
"""

from .server import FakeMlflow, Fault, Request
from .transport import FakeTransport, ReplyLostError

__all__ = ["FakeMlflow", "FakeTransport", "Fault", "ReplyLostError", "Request"]
