"""What the server accepts as a key, a name or a value, and what it cuts off without a word."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from .errors import invalid, missing

KEY = 250
EXPERIMENT_NAME = 500
REGISTERED_MODEL_TAG = 100_000
LOCATION = 2_048
BATCH = {"metrics": 1_000, "params": 100, "tags": 100}
BATCH_TOTAL = 1_000


@dataclass(frozen=True)
class Limits:
    """What differs between servers. `cuts`: what is too long of a run is cut without a word, else it is refused.

    `in_bytes`: lengths are counted in UTF-8. `model_page`: 0 for any size. `batch_value`: how many characters a param
    or a tag of a batch may have; 0 for as many as elsewhere.
    """

    experiment_tag: int = 20_000
    run_tag: int = 8_000
    run_param: int = 6_000
    experiment_page: int = 50_000
    run_page: int = 50_000
    model_page: int = 0
    batch_value: int = 0
    cuts: bool = True
    in_bytes: bool = False

    def check_key(self, key: str) -> None:
        check_characters(key)
        self.check("key", key, KEY)

    def check(self, what: str, text: str, limit: int) -> None:
        check_length(what, text.encode() if self.in_bytes else text, limit)

    def kept(self, what: str, text: str, limit: int) -> str:
        """What is stored of a value of a run."""
        if self.cuts:
            return text[:limit]
        self.check(what, text, limit)
        return text


_KEY = re.compile(r"^[/\w.\- :]*$")
_RUN_ID = re.compile(r"^[a-zA-Z0-9][\w\-]{0,255}$")


def is_path(name: str) -> bool:
    """Whether `name` would be the same after being resolved as a relative path."""
    resolved = posixpath.normpath(name)
    return resolved == name and resolved != "." and not resolved.startswith(("..", "/"))


def check_key(key: str) -> None:
    check_characters(key)
    check_length("key", key, KEY)


def check_characters(key: str) -> None:
    """Letters and digits of any script, `_ - . : /` and blanks; a trailing newline slips through, as on the server."""
    if not _KEY.match(key):
        raise invalid(f"Invalid value {key!r} for parameter 'key' supplied: bad characters")
    if not is_path(key):
        raise invalid(f"Invalid value {key!r} for parameter 'key' supplied: it resolves to another name")


def check_length(what: str, text: str | bytes, limit: int) -> None:
    if len(text) > limit:
        raise invalid(f"'{what}' exceeds the maximum length of {limit} characters")


def check_experiment_name(name: str) -> None:
    if not name:
        raise invalid("Invalid experiment name: ''")
    check_length("name", name, EXPERIMENT_NAME)


def check_registered_name(name: str) -> None:
    if not name.strip():
        raise missing("name")
    if "/" in name or ":" in name or not is_path(name):
        raise invalid(f"Invalid model name '{name}'. Names cannot contain '/' or ':'.")


def check_model_name(name: str) -> None:
    if set(name) & set("/:.%\"'"):
        raise invalid(f"Invalid model name ('{name}') provided.")


def check_run_id(run_id: str) -> None:
    if not _RUN_ID.match(run_id):
        raise invalid(f"Invalid value {run_id!r} for parameter 'run_id' supplied.")


def check_batch(sizes: dict[str, int]) -> None:
    for what, size in sizes.items():
        if size > BATCH[what]:
            raise invalid(f"A batch logging request can contain at most {BATCH[what]} {what}. Got {size} {what}.")
    if sum(sizes.values()) > BATCH_TOTAL:
        raise invalid(f"A batch logging request can contain at most {BATCH_TOTAL} metrics, params, and tags.")
