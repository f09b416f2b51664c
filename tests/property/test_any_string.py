"""Any text in any place of a manifest is applied and read back equal, or refused while planning: on fake and MLflow.

It never fails while it is applied, and a second plan never finds a difference.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reconciler import Session
from reconciler.core import planner
from reconciler.core.address import Address
from reconciler.core.diagnostics import Diagnostic, Failed, stop_on_errors
from reconciler.core.document import dump, load
from reconciler.core.guard import Safety
from reconciler.core.mark import PART_BYTES
from reconciler.core.plan import Plan
from reconciler.core.resource import Desired
from reconciler.report.diagnostics import diagnostic_lines
from reconciler.report.lines import Line, plain
from reconciler.report.text import plan_lines
from reconciler.runtime.apply import Listener, Place
from reconciler.runtime.connection import Connection
from reconciler.runtime.http import Client, Reading
from tests.contract.api import Api, Json, unique
from tests.fakes.mlflow import FakeMlflow
from tests.property.strings import AROUND, FOLDS, PAIRS, SLOTS, Server, Slot, expected
from tests.servers import real_mlflow

ALL = bool(os.environ.get("RECONCILER_TEST_ALL"))
HERE = "http://localhost"
SPECIAL = [
    *("", " ", "  a  ", "\n", "a\nb", "\n\na\n\n", "a\r\nb\rc", "\r", "\ta\t", "\x85", "a\x85", "\u2028", "a\u2029b"),
    *(
        "\0",
        "a\0b",
        "\x07",
        "\x1b[2J",
        "\x7f",
        "\x9b",
        "\ufeff",
        "\ufeffa",
        "\u200b",
        "\xad",
        "\u202eabc",
        "\ufdd0",
        "\uffff",
    ),
    *("\U0010ffff", "\ud800", "a\udfffb", "\udc80", "\ud83e\udd8a"),
    *(
        "é",
        "e\u0301",
        "\u212b",
        "\u00c5",
        "ﬁ",
        "ß",
        "ẞ",
        "İ",
        "ı",
        "ẛ̣",
        "欺诈检测",
        "שלום",
        "ٹ",
        "🦊",
        "👩‍👩‍👧‍👦",
        "𝒳",
        "²",
        "٣",
        "Ⅷ",
    ),
    *(
        "%",
        "%00",
        "%2F",
        "%2e%2e",
        "%41",
        "%s",
        "100%",
        "..",
        ".",
        "...",
        "../a",
        "a/../b",
        "/",
        "//",
        "a/",
        "/a",
        "a//b",
        "./a",
    ),
    *(
        "'",
        '"',
        "`",
        "'\"`",
        "\\",
        "\\n",
        "\\u0041",
        "C:\\x\\",
        "${",
        "$${",
        "$$${",
        "${x}",
        "${var.x}",
        "${env.X}",
        "$",
        "{",
        "}",
    ),
    *(
        "0.10",
        "1_000",
        "0x1",
        "0o17",
        "1e5",
        ".inf",
        "NaN",
        "null",
        "Null",
        "~",
        "true",
        "on",
        "yes",
        "2024-01-01",
        "12:30:00",
    ),
    *(
        "<<",
        "=",
        "*a",
        "&a",
        "!a",
        "!!int",
        "# a",
        "a # b",
        "a: b",
        "- a",
        "? a",
        "| a",
        "> a",
        "@a",
        "[a]",
        "{a: b}",
        '{"a": 1}',
        "---",
        "...",
    ),
    *(
        "reconciler.ml",
        "reconciler.x",
        "Reconciler.ml",
        "reconciler",
        "mlflow.note.content",
        "mlflow.runName",
        "MLflow.x",
        "mlflow",
    ),
    *(
        "a b",
        " a",
        "a ",
        "a\xa0",
        "\u3000",
        "a\tb",
        "a@b",
        "a=b",
        "a;b",
        "a?b#c",
        "a+b",
        "a&b",
        "a,b",
        "a|b",
        "A",
        "a",
        "-",
        "_",
        ":",
    ),
    *("' OR '1'='1", "<b>&amp;</b>", "s3://b/p", "/abs", "e", "r", "m", "n", "k", "x", "[", "]", "each.key"),
]
"""What programs stumble over."""

LENGTHS = (36, 37, 60, 61, 250, 251, 256, 257, 400, 500, 501, 2048, 2049, 5000, 6000, 6001, 8000, 8001, 20_000, 20_001)


def texts(slot: Slot) -> st.SearchStrategy[str]:
    """What to try in a place."""
    any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=15)
    pieces = st.lists(st.one_of(st.sampled_from(SPECIAL), any_text), min_size=2, max_size=4).map("".join)
    long = st.builds(
        str.__mul__, st.sampled_from(["a", "é", "欺", "🦊", "\x01", '"', slot.letter]), st.sampled_from(LENGTHS)
    )
    own = [slot.texts] * 6 if slot.texts is not None else []
    return st.one_of(*own, st.sampled_from(SPECIAL), any_text, pieces, long)


STYLES: dict[str, Callable[[Any], str]] = {
    "readable": lambda value: yaml.safe_dump(value, allow_unicode=True),
    "escaped": lambda value: yaml.safe_dump(value, default_style='"'),
    "single": lambda value: yaml.safe_dump(value, default_style="'", allow_unicode=True),
    "literal": lambda value: yaml.safe_dump(value, default_style="|", allow_unicode=True),
    "folded": lambda value: yaml.safe_dump(value, default_style=">", allow_unicode=True, width=20),
    "json": lambda value: json.dumps(value, ensure_ascii=False),
    "ascii": json.dumps,
}
"""The ways in which a manifest can be written."""


def written(value: Json, style: str) -> str:
    """`value` as YAML in this style, or in one that can hold it; with escapes, if what it holds is no text at all."""
    texts = (STYLES[name](value) for name in (style, "escaped", "json", "readable"))
    return next((text for text in texts if _gives(text, value)), STYLES["escaped"](value))


def _gives(text: str, value: Json) -> bool:
    try:
        return bool(text.encode() and yaml.load(text, Loader=yaml.CBaseLoader) == value)
    except (yaml.YAMLError, UnicodeEncodeError):
        return False


class Watched(httpx.BaseTransport):
    """Goes to the server at `url`, wherever the request wanted to go, and counts the writes."""

    def __init__(self, inner: httpx.BaseTransport, url: str) -> None:
        self.inner = inner
        self.url = httpx.URL(url)
        self.writes = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.writes += request.method != "GET" and not request.url.path.endswith("/search")
        request.url = request.url.copy_with(host=self.url.host, port=self.url.port)
        return self.inner.handle_request(request)


@dataclass(frozen=True)
class Stage:
    """A server with nothing on it, and a folder for one stack.

    Attributes:
        examples: how many texts are tried in each place.
        clear: takes everything off the server.
    """

    transport: Watched
    server: Server
    folder: Path
    examples: int
    clear: Callable[[], None]

    def declare(self, manifest: str, config: Json, env: dict[str, str]) -> Stack:
        """Raises Failed."""
        (self.folder / "main.yaml").write_text(manifest, encoding="utf-8", newline="")
        (self.folder / "reconciler.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        session = Session(self.folder, environ=env)
        place = Connection(HERE, transport=self.transport)
        client = Client(place, version="0", reading=Reading(session.backend.reads), writable=True)
        session._known.ask_for_caller(client.read)  # as a plan does that changes permissions
        on = Place(session.stack, client, session.selected.scope.secret, parallel=1, patience=0)
        return Stack(session.desired, on)


@dataclass(frozen=True)
class Stack:
    """What is declared, and where."""

    desired: Mapping[Address, Desired]
    on: Place

    def plan(self) -> Plan:
        """With as many deletions as it takes. Raises Failed."""
        lives = self.on.observe(planner.sought(self.desired))
        deletes = planner.make(self.on.stack, self.desired, lives, planner.Options())[0].summary["delete"]
        options = planner.Options(safety=Safety(allow_delete=deletes))
        plan, problems = planner.make(self.on.stack, self.desired, lives, options)
        stop_on_errors(problems)
        return plan

    def apply(self, plan: Plan) -> None:
        """All of it, from the file that it can be saved to."""
        saved, problems = load(dump(plan, "0"), "plan.json")
        assert problems == []
        assert saved is not None
        assert [one.detail for one in self.on.apply(saved, Listener()) if one.status != "done"] == []


@contextmanager
def _fake(folder: Path) -> Iterator[Stage]:
    fake = FakeMlflow()
    transport = Watched(fake.transport(), HERE)
    with httpx.Client(base_url=HERE, transport=transport) as client:
        yield Stage(transport, Server(Api(client)), folder, 1000 if ALL else 8, fake.clear)


@contextmanager
def _real(folder: Path) -> Iterator[Stage]:
    if importlib.util.find_spec("mlflow") is None:
        pytest.skip("mlflow is not installed")
    with real_mlflow(folder) as url:
        transport = Watched(httpx.HTTPTransport(), url)
        with httpx.Client(base_url=HERE, transport=transport, timeout=60) as client:
            server = Server(Api(client))
            (folder / "stack").mkdir()
            yield Stage(transport, server, folder / "stack", 30 if ALL else 2, lambda: _delete(server))


def _delete(server: Server) -> None:
    """A deleted experiment keeps its name, which the next example may want."""
    for one in server.experiments():
        ident = {"experiment_id": one["experiment_id"]}
        server.api.post("experiments/update", {**ident, "new_name": unique()})
        marks = [pair["key"] for pair in one.get("tags", []) if pair["key"].startswith("reconciler.")]
        for key in marks:
            server.api.post("experiments/delete-experiment-tag", {**ident, "key": key})
        server.api.post("experiments/delete", ident)


@pytest.fixture(scope="module", params=["fake", pytest.param("real", marks=pytest.mark.real)])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("strings")
    with (_fake if request.param == "fake" else _real)(folder) as found:
        yield found


def placed(found: tuple[Diagnostic, ...], files: dict[str, str]) -> None:
    """Each finding says what is wrong, what to do, and where in its file, and can be shown on any terminal."""
    for one in found:
        assert one.code
        assert one.hint
        assert one.at is not None
        rows = files[one.at.file].splitlines() or [""]
        assert 1 <= one.at.line <= len(rows)
        assert 1 <= one.at.col <= len(rows[one.at.line - 1]) + 1
        shown(diagnostic_lines(one, files))


def shown(lines: list[Line]) -> None:
    text = plain(lines)
    assert text.encode()
    assert all(char.isprintable() or char in "\t\n" for char in text)


def joined(base: Json, more: Json) -> Json:
    return {
        name: joined(base.get(name, {}), more[name])
        if isinstance(more.get(name), dict)
        else more.get(name, base.get(name))
        for name in base | more
    }


def declared(stage: Stage, slot: Slot, text: str, style: str, manifest: Json | None = None) -> bool:
    """Declare and apply `text`, or `manifest` in its place. False: that was refused before anything was written."""
    meant = text.replace("${", "$${") if slot.literal else text
    body = written(slot.manifest(meant) if manifest is None else manifest, style)
    config: Json = {"stack": "ml", "targets": {"local": {"backend": "mlflow", "url": HERE}}}
    config = joined(config, slot.config(meant) if manifest is None else {})
    env = dict(slot.env(text))
    before = stage.transport.writes
    try:
        stack = stage.declare(body, config, env)
        plan = stack.plan()
    except Failed as failed:
        placed(failed.diagnostics, {"main.yaml": body, "reconciler.yaml": yaml.safe_dump(config)})
        assert stage.transport.writes == before
        return False
    shown(plan_lines(plan, requests=True))
    stack.apply(plan)
    assert manifest is not None or slot.wants(stage.server, text)
    assert all(len(mark.encode()) <= PART_BYTES for _, mark in stage.server.marks())
    assert stack.plan().steps == ()
    return True


def survives(stage: Stage, slot: Slot, first: str, second: str, styles: tuple[str, str]) -> None:
    """The whole life of a text in a place: declared, changed to another one, not declared any more."""
    stage.clear()
    if not declared(stage, slot, first, styles[0]):
        return
    if not declared(stage, slot, second, styles[1]):
        assert slot.wants(stage.server, first)
    if slot.bare is not None:
        assert declared(stage, slot, "", styles[1], slot.bare)
        assert slot.held(stage.server) is None


def test_every_text_of_every_kind_has_its_place_here():
    """A field that somebody adds to a kind belongs into the table as well."""
    assert {slot.path for slot in SLOTS} == expected()


@pytest.mark.parametrize("slot", [*SLOTS, *AROUND], ids=str)
def test_any_text_survives_or_is_refused_while_planning(slot: Slot, stage: Stage) -> None:
    @settings(max_examples=stage.examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(texts(slot), texts(slot), st.tuples(*[st.sampled_from(sorted(STYLES))] * 2))
    def holds(first: str, second: str, styles: tuple[str, str]) -> None:
        survives(stage, slot, first, second, styles)

    holds()


@pytest.mark.parametrize("what", PAIRS)
def test_texts_that_are_nearly_equal_are_two(what: str, stage: Stage) -> None:
    manifest, held = PAIRS[what]
    letters = st.text(st.sampled_from("aAéÉßİıﬁ\u212b²Ω\u2126ⅷ _-."), min_size=1, max_size=6)

    @settings(max_examples=stage.examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(letters, st.sampled_from(sorted(FOLDS)))
    def holds(first: str, fold: str) -> None:
        second = FOLDS[fold](first)
        assume(first != second)
        stage.clear()
        slot = Slot(what, lambda _: manifest(first, second), held, meant=lambda _: {first, second})
        declared(stage, slot, "", "json")

    holds()


BORDERS = [slot for slot in [*SLOTS, *AROUND] if 0 < slot.most <= (2**24 if ALL else 2**16)]


@pytest.mark.parametrize("slot", BORDERS, ids=str)
def test_the_longest_text_survives_and_a_longer_one_is_refused(slot: Slot, stage: Stage) -> None:
    longest = slot.letter * slot.most
    stage.clear()
    assert not declared(stage, slot, longest + slot.letter, "json")
    assert declared(stage, slot, longest, "json")
