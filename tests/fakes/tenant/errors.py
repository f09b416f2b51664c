"""The errors of the service: JSON with a code of its own, and those of the framework below it, which have none."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """Only the form `MATIH-IAM-1001` of the codes is documented; the numbers are invented."""

    def __init__(self, status: int, code: str, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"error": {"code": f"MATIH-{code}", "message": message, "details": details or {}}}


class UnroutedError(Exception):
    """A path or method that the framework does not know."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status
        self.body: dict[str, Any] = {"detail": {404: "Not Found", 405: "Method Not Allowed"}[status]}


def invalid(field: str, issue: str) -> ApiError:
    return ApiError(422, "ML-4220", f"{field}: {issue}", [{"field": field, "issue": issue}])


def absent(what: str) -> ApiError:
    return ApiError(404, "ML-4040", f"{what} not found")


def conflict(message: str) -> ApiError:
    return ApiError(409, "ML-4090", message)
