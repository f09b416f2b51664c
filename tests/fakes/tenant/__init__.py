"""An imitation of the tenant tracking service, as its documents describe it.

What they leave open is chosen by the options of `FakeTenant`, so that a test can try each reading.
"""

from tests.fakes.fake import Fault

from .server import FakeTenant

__all__ = ["FakeTenant", "Fault"]
