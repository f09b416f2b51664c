"""An in-memory imitation of a Databricks workspace, as far as experiments, runs and logged models are concerned.

It is composed from the parts of the fake MLflow. What it does otherwise is what the source of `databricks-sdk` 0.156.0,
the vendor's documentation and public reports say; nobody compared it with a workspace. Guesses are marked as such.
"""

from .access import CLIENT_ID, CLIENT_SECRET, TOKEN
from .server import FakeDatabricks
from .workspace import HOME, USER

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "HOME", "TOKEN", "USER", "FakeDatabricks"]
