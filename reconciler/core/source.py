"""Stub while it is being written."""


class Document: ...
