"""An in-memory imitation of the MLflow 3.17.2 tracking server, quirks included.

`tests/contract` runs the same assertions against this fake and against a real server, so that it cannot rot.
"""

from tests.fakes.fake import Fault, Request
from tests.fakes.transport import FakeTransport, ReplyLostError

from .server import FakeMlflow

__all__ = ["FakeMlflow", "FakeTransport", "Fault", "ReplyLostError", "Request"]
