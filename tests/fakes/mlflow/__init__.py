"""An in-memory imitation of the MLflow 3.17.2 tracking server, quirks included.

`tests/contract` runs the same assertions against this fake and against a real server, so that it cannot rot.
"""

from .transport import FakeTransport, ReplyLost
from .server import FakeMlflow, Fault, Request

__all__ = ["FakeMlflow", "FakeTransport", "Fault", "ReplyLost", "Request"]
