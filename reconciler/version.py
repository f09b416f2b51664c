"""The version of the reconciler: what plans and requests carry."""

__version__ = "0.1.0"
