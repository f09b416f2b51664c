"""The ways in which the server says no: a JSON error with a code, or an HTML page, or a JSON error without a code."""

from __future__ import annotations

STATUS = {
    "INVALID_PARAMETER_VALUE": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "ALREADY_EXISTS": 409,
    "BAD_REQUEST": 400,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "FEATURE_DISABLED": 404,
    "PERMISSION_DENIED": 403,
    "INVALID_STATE": 500,
    "INTERNAL_ERROR": 500,
}
# What the server sends along depends on the code alone; a reconciler should read neither.
ERROR_CLASS = {"RESOURCE_DOES_NOT_EXIST": "RESOURCE_NOT_FOUND", "INTERNAL_ERROR": "CLIENT_INTERNAL_ERROR"}

_TITLE = {308: "Permanent Redirect", 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error"}


class ApiError(Exception):
    """An error that the server reports as JSON, with an `error_code` that says more than the status."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.status = STATUS[code]
        self.body = {
            "error_code": code,
            "message": message,
            "sqlstate": "XXM00" if self.status == 500 else "KAM00",
            "error_class": ERROR_CLASS.get(code, code),
        }


class PageError(Exception):
    """An error that the server reports as an HTML page."""

    def __init__(self, status: int) -> None:
        super().__init__(_TITLE[status])
        self.status = status
        self.body: str | dict[str, str] = f"<!doctype html>\n<html lang=en>\n<title>{status} {_TITLE[status]}</title>\n"


class UnroutedError(PageError):
    """A path that the server in front of the application does not know: JSON, but without an `error_code`."""

    def __init__(self) -> None:
        super().__init__(404)
        self.body = {"detail": "Not Found"}


def invalid(message: str) -> ApiError:
    return ApiError("INVALID_PARAMETER_VALUE", message)


def missing(parameter: str) -> ApiError:
    return invalid(f"Missing value for required parameter '{parameter}'.")


def absent(message: str) -> ApiError:
    return ApiError("RESOURCE_DOES_NOT_EXIST", message)


def broken_constraint(table: str, columns: str) -> ApiError:
    """The raw database text that the server lets through when a unique key is hit."""
    names = ", ".join(f"{table}.{column}" for column in columns.split())
    return ApiError("BAD_REQUEST", f"(sqlite3.IntegrityError) UNIQUE constraint failed: {names}")


def unknown_parent() -> ApiError:
    return ApiError("BAD_REQUEST", "(sqlite3.IntegrityError) FOREIGN KEY constraint failed")
