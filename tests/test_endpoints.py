"""docs/endpoints.md says of every endpoint what the code does with it: neither may change alone."""

import ast
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from reconciler import registry
from reconciler.backends import databricks, mlflow, tenant
from reconciler.backends.mlflow.options import Options
from reconciler.core import mark as marks
from reconciler.core.address import Address
from reconciler.core.call import Answer
from reconciler.core.change import Action, FieldChange
from reconciler.core.lock import Held
from reconciler.core.mark import Mark
from reconciler.core.resource import Desired, Live
from reconciler.core.source import Document
from reconciler.core.wire import Edit, Query, Server, Sought

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "reconciler"
PAGE = (ROOT / "docs" / "endpoints.md").read_text()

REST = "MLflow REST API (0.x preview)"
SDK = "Databricks SDK: experiments"
RUNS = "StackQL: experiment_runs"
MODELS = "StackQL: logged_models"
TENANT = "tenant service: runs"

DOCUMENTS = {
    REST: """
        POST experiments/create
        GET experiments/list
        GET experiments/get
        POST runs/create
        GET runs/get
        POST runs/log-metric
        POST runs/log-parameter
        GET params/get
        GET metrics/get
        GET metrics/get-history
        POST runs/search
        GET artifacts/list
        GET artifacts/get
        POST runs/update
    """,
    SDK: """
        create_experiment POST experiments/create
        create_run POST runs/create
        delete_experiment POST experiments/delete
        delete_run POST runs/delete
        delete_tag POST runs/delete-tag
        get_by_name GET experiments/get-by-name
        get_experiment GET experiments/get
        get_history GET metrics/get-history
        get_run GET runs/get
        list_artifacts GET artifacts/list
        list_experiments GET experiments/list
        log_batch POST runs/log-batch
        log_inputs POST runs/log-inputs
        log_metric POST runs/log-metric
        log_model POST runs/log-model
        log_param POST runs/log-parameter
        restore_experiment POST experiments/restore
        restore_run POST runs/restore
        search_experiments POST experiments/search
        search_runs POST runs/search
        set_experiment_tag POST experiments/set-experiment-tag
        set_tag POST runs/set-tag
        update_experiment POST experiments/update
        update_run POST runs/update
    """,
    RUNS: """
        searchruns POST runs/search
        getrun GET runs/get
        createrun POST runs/create
        updaterun POST runs/update
        deleteruns POST databricks/runs/delete-runs
        deleterun POST runs/delete
        logbatch POST runs/log-batch
        loginputs POST runs/log-inputs
        logmetric POST runs/log-metric
        logmodel POST runs/log-model
        logparam POST runs/log-parameter
        restorerun POST runs/restore
        restoreruns POST databricks/runs/restore-runs
    """,
    MODELS: """
        get GET logged-models/{model_id}
        create POST logged-models
        delete_tag DELETE logged-models/{model_id}/tags/{tag_key}
        delete DELETE logged-models/{model_id}
        finalize PATCH logged-models/{model_id}
        log_params POST logged-models/{model_id}/params
        search POST logged-models/search
        set_tags PATCH logged-models/{model_id}/tags
    """,
    TENANT: """
        POST /api/v1/experiments/runs
        POST /api/v1/experiments/runs/{run_id}/log-metrics
        POST /api/v1/experiments/runs/{run_id}/log-params
        POST /api/v1/experiments/runs/{run_id}/log-batch
        POST /api/v1/experiments/runs/{run_id}/end
        GET /api/v1/experiments/runs
    """,
}
"""All endpoints of the five API documents, copied out once: the document's own name where it has one, method, route."""

ABOVE = "/api/2.0/"
"""What stands before a route that is not below MLflow's prefix."""
WRITES = {"post": "POST", "once": "POST", "create": "POST", "patch": "PATCH", "delete": "DELETE"}


@dataclass(frozen=True)
class Sender:
    """A backend that sends requests: the methods of its `Api`, and what stands before its routes on the page."""

    module: ModuleType
    options: dict[str, str]
    verbs: dict[str, str]
    before: str = ""

    @property
    def backend(self):
        return self.module.BACKEND

    @property
    def prefix(self):
        fields = self.backend.options.model_fields
        return (fields["prefix"].default if "prefix" in fields else Options.model_fields["prefix"].default) + "/"

    @property
    def files(self):
        return sorted(Path(self.module.__file__).parent.glob("*.py"))

    @property
    def wires(self):
        """Of the newest server, and of one that cannot even search."""
        options = self.backend.options.model_validate(self.options)
        old = Server(lacks={"experiments.search": "too old"})
        return [*self.backend.wires(options, Server()).items(), *self.backend.wires(options, old).items()]


HERE = {"url": "http://localhost"}
TRACKING = {
    **WRITES,
    "ask": "POST",
    "beside": "GET",
    "get": "GET",
    "read": "POST",
    "pages": "POST",
    "listed": "GET",
}
SENDERS = [
    Sender(mlflow, HERE | {"workspace": "team-a"}, TRACKING),
    Sender(databricks, {"host": "http://localhost", "token": "t"}, {**TRACKING, "above": "POST", "put": "PUT"}),
    Sender(tenant, HERE | {"tenant": "acme-corp"}, {**WRITES, "pages": "GET"}, "/api/v1/"),
]

BESIDE = ("workspace/mkdirs", "permissions/experiments/{}", "preview/scim/v2/Me")
"""Routes of a workspace that are not below MLflow's prefix."""

REFERENCE = re.compile(r"`(backends/[\w/]+\.py): ([\w.]+)`")
DOCUMENT = re.compile(r"([^`]+?)(?: `(\w+)`)?")


# --- the page


@dataclass(frozen=True)
class Row:
    group: str
    method: str
    route: str
    documents: str
    text: str

    @property
    def endpoint(self):
        return self.method, nameless(self.route)

    @property
    def status(self):
        return self.text.split(":")[0]

    @property
    def functions(self):
        return {f"{module}: {function}" for module, function in REFERENCE.findall(self.text)}

    @property
    def named(self):
        """Each document with its own name for the endpoint, '' where it has none."""
        parts = [] if self.documents == "none" else self.documents.split("; ")
        return [(found[1], found[2] or "") for part in parts if (found := DOCUMENT.fullmatch(part))]


def nameless(route):
    """A route whose parameters have no names: only their places count."""
    return re.sub(r"\{\w*\}", "{}", route)


@cache
def rows():
    found = []
    group = ""
    for line in PAGE.splitlines():
        if line.startswith("## "):
            group = line[3:]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if group and line.startswith("|") and cells[0] not in {"method", "---"}:
            assert len(cells) == 4, line
            found.append(Row(group, cells[0], cells[1].strip("`"), cells[2], cells[3]))
    return found


def with_status(status):
    return [row for row in rows() if row.status == status]


@cache
def documented():
    """(document, its own name or '', method, route) of all endpoints in the documents."""
    lines = [(document, line.split()) for document, text in DOCUMENTS.items() for line in text.split("\n")]
    return {(document, *([""] * (3 - len(words))), *words) for document, words in lines if words}


# --- the code


def template(node):
    """A string in the source, `{}` for what is filled in; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def tree(path):
    return ast.parse(path.read_text(), str(path))


def functions(node, prefix=""):
    """All functions below `node`, with their dotted names."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from functions(child, f"{prefix}{child.name}.")


def api_calls(node, verbs):
    """Calls of `api.<verb>(...)` or `self.api.<verb>(...)` below `node`: the HTTP method, and the node of the route."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            owner = call.func.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            if name == "api":
                assert call.func.attr in verbs, ast.unparse(call)
                yield verbs[call.func.attr], call.args[0]


def sources():
    """The modules of the backends."""
    return [(sender, path) for sender in SENDERS for path in sender.files]


@cache
def senders():
    """For each endpoint the functions that hold its route, as the page writes them."""
    found = defaultdict(set)
    for sender, path in sources():
        for name, function in functions(tree(path)):
            for method, route in api_calls(function, sender.verbs):
                assert template(route), f"{path.name}: {name}: {ast.unparse(route)} is not written out"
                where = f"{path.relative_to(PACKAGE).as_posix()}: {name}"
                text = nameless(template(route))
                before = ABOVE if text in BESIDE else sender.before
                found[method, before + text].add(where)
    return dict(found)


def strings(node):
    """All strings below `node` but docstrings."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if template(node) is not None:
        yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from strings(child)


# --- the wires


FRAUD = str(Address("experiments", "fraud"))
DECLARED = {
    Address("experiments", "fraud"): {
        ("name",): "/ml/fraud",
        ("description",): "d",
        ("artifact_location",): "s3://a/b",
        ("tags", "tier"): "gold",
        ("permissions", "user:alice"): "READ",
    },
    Address("runs", "base"): {
        ("experiment",): FRAUD,
        ("name",): "base",
        ("status",): "FINISHED",
        ("params", "depth"): "6",
        ("params", "notes"): "x" * 251,
        ("metrics", "loss"): [{"step": 0, "value": 0.7}, {"value": 0.6, "timestamp": "2026-01-31T09:00:00Z"}],
        ("datasets", "cards@a1"): {"name": "cards", "digest": "a1", "source_type": "s3", "source": "s3://c"},
    },
    Address("logged_models", "xgb"): {
        ("experiment",): FRAUD,
        ("name",): "xgb",
        ("status",): "READY",
        ("params", "depth"): "6",
    },
}
CHANGES = {
    "experiments": {
        ("name",): "/ml/new",
        ("tags", "tier"): "silver",
        ("tags", "gone"): None,
        ("permissions", "user:alice"): "EDIT",
        ("permissions", "user:bob"): None,
    },
    "runs": {("name",): "new", ("params", "eta"): "1", ("tags", "tier"): "silver", ("tags", "gone"): None},
    "logged_models": {
        ("status",): "READY",
        ("params", "eta"): "1",
        ("tags", "tier"): "silver",
        ("tags", "gone"): None,
    },
}
FOUND = {
    "info": {"run_id": "r1", "experiment_id": "7"},
    "data": {
        "tags": [
            {"key": key, "value": value} for key, value in marks.write(Mark(Address("runs", "base")), "ml").items()
        ],
        "metrics": [{"key": "loss", "value": 0.7, "timestamp": 1, "step": 0}],
    },
}


MARKED = [{"key": "reconciler.ml", "value": '{"v":1,"address":"experiments.fraud"}'}]


def answer(call):
    """A run that carries the mark, whose series the mark does not vouch for; an experiment; a user with a role."""
    if call.asks:
        return Answer(404)
    user = {"id": 1, "username": "alice", "roles": [{"name": "readers"}]}
    for end, reply in {
        "users/list": {"users": [user]},
        "users/current": {"user": user},
        "users/current/permissions": {},
        "roles/list": {"roles": []},
        "/Me": {"userName": "alice"},
        "experiments/search": {"experiments": [{"experiment_id": "7", "name": "old", "tags": MARKED}]},
    }.items():
        if call.path.endswith(end):
            return reply
    if call.method == "GET":
        return None if call.absorbs else {"items": []} if "limit" in call.query else {}
    return {"runs": [FOUND]} if call.path.endswith("runs/search") else {}


def read(flow):
    """The calls of a flow."""
    calls = []
    replies = None
    while True:
        try:
            batch = flow.send(replies)
        except StopIteration:
            return calls
        calls += batch
        replies = [answer(call) for call in batch]


def locking(wire):
    """The calls of everything that takes and releases a lock."""
    held = Held("0" * 32, since=1, until=1)
    calls = [wire.take("ml", held), wire.renew("ml", held, 0), wire.retire("ml", held.token), wire.forget("ml", "")]
    return calls + read(wire.read("ml")) + read(wire.retired("ml"))


def written(wire, entry, abilities):
    """The calls of everything that writes a resource."""
    kind = entry.address.kind
    live = Live(entry.address, "7", {}, facts={("permissions", "user:alice"): 3})
    changes = [FieldChange(path, "old", new, Action.update, "manifest") for path, new in CHANGES[kind].items()]
    calls = (
        wire.create(entry, Mark(entry.address), "ml") + wire.update(Edit(live, tuple(changes), {})) + wire.delete(live)
    )
    restorable = any(ability.startswith("restore") for ability in abilities)
    return calls + (wire.restore(live) if restorable else [])


@cache
def sent():
    """All calls that the wires make for one resource of each kind, with the sender of each."""
    return [(sender, call) for sender in SENDERS for call in sent_by(sender)]


def sent_by(sender):
    backend = sender.backend
    options = backend.options.model_validate(sender.options)
    calls = locking(backend.lock(options)) if backend.lock else []
    calls += read(backend.caller(options)) if backend.caller else []
    calls += read(backend.probe(options)) if backend.probe else []
    calls += read(backend.unmet(options)) if backend.unmet else []
    for kind, wire in sender.wires:
        (address,) = [one for one in DECLARED if one.kind == kind]
        calls += written(wire, Desired(address, DECLARED[address], Document({})), backend.abilities[kind])
        by_name = Sought(address, address.name, fields=DECLARED[address])
        by_id = Sought(Address(address.kind, "other"), "other", id="3")
        unmarked = Sought(Address(address.kind, "found"), "found", id="3", marked=False)
        calls += read(wire.observe(Query("ml", (by_name, by_id, unmarked), ("7",))))
        calls += read(wire.survey(Query("ml", parents=("7",)), ""))
    return calls


def on_page(sender, call):
    """The route of a call as the page writes it. What came with another version of the API is written without that."""
    path = call.path.replace("/api/3.0/mlflow/", "/api/2.0/mlflow/")
    above = nameless(re.sub(r"(?<=/experiments/)\d+$", "{}", path.removeprefix(ABOVE)))
    if above in BESIDE:
        return ABOVE + above
    if call.asks and not call.path.startswith(sender.prefix):
        return call.path
    assert path.startswith(sender.prefix)
    return sender.before + re.sub(
        r"(?<=/tags/)gone$|(?<=logged-models/)3$", "{}", nameless(path.removeprefix(sender.prefix))
    )


# --- the page and the documents


def test_the_page_lists_every_endpoint_of_every_document_and_no_other():
    listed = [(document, name, row.method, row.route) for row in rows() for document, name in row.named]
    assert sorted(listed) == sorted(documented())


def test_the_documents_on_the_page_are_the_five_that_it_explains():
    explained = {line.split("|")[1].strip() for line in PAGE.split("## ")[0].splitlines() if line.startswith("|")}
    assert explained - {"name on this page", "---"} == set(DOCUMENTS)


def test_the_copied_documents_have_as_many_endpoints_as_the_real_ones():
    counts = Counter(document for document, *_ in documented())
    assert counts == {REST: 14, SDK: 24, RUNS: 13, MODELS: 8, TENANT: 6}


def test_each_endpoint_has_one_row():
    assert [endpoint for endpoint, count in Counter(row.endpoint for row in rows()).items() if count > 1] == []


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.method} {row.route}")
def test_a_row_is_complete(row):
    assert row.status in {"used", "not used"}
    assert bool(row.functions) == (row.status == "used")
    assert len(row.named) == (0 if row.documents == "none" else row.documents.count(";") + 1)
    assert row.named or row.status == "used", "it is neither in a document nor used"
    what = REFERENCE.sub("", row.text.removeprefix(row.status)).strip(":,. ")
    assert len(what) > 15, "it does not say for what, or why not"


# --- the page and the code


def test_what_the_code_sends_stands_as_used_with_the_functions_that_send_it():
    listed = {row.endpoint: row.functions for row in with_status("used")}
    assert {endpoint: listed.get(endpoint) for endpoint in senders()} == senders()


def test_what_stands_as_used_is_sent_by_the_functions_named():
    listed = {row.endpoint: row.functions for row in with_status("used")}
    assert {endpoint: senders().get(endpoint) for endpoint in listed} == listed


def test_the_wires_send_just_the_routes_that_the_source_shows():
    """Neither way of looking at the code misses a route, and no function that holds one is dead."""
    assert {(one[1].method, on_page(*one)) for one in sent()} == set(senders())


def test_an_endpoint_that_is_not_used_does_not_occur_in_the_code():
    used = {row.endpoint for row in with_status("used")}
    unused = {row.endpoint for row in rows()} - used
    assert len(unused) == len(rows()) - len(used)
    assert unused & set(senders()) == set()
    routes = {route for _, route in unused} - {route for _, route in used}
    assert routes
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in strings(tree(path)):
            text = template(node)
            assert text.removeprefix("/") not in routes, f"{path}:{node.lineno}: {text}"
            assert not [r for r in routes if text.endswith(f"/{r.removeprefix('/')}")], f"{path}:{node.lineno}: {text}"


def test_only_the_known_calls_hold_routes():
    """No request is made past `Api`, and no route waits in a constant for somebody to send it."""
    first = {route.removeprefix("/api/v1/").split("/")[0] for _, route in senders()} | {
        "databricks",
        "params",
        "artifacts",
        "registered-models",
    }
    routes = {route for _, route in senders()}
    for sender, path in sources():
        source = tree(path)
        known = {id(route) for _, route in api_calls(source, sender.verbs)}
        for node in strings(source):
            text = template(node).removeprefix("/")
            if text.split("/")[0] in first and ("/" in text or "-" in text) and id(node) not in known:
                assert path.name == "__init__.py", f"{path.name}:{node.lineno}: {text}"
                assert text in routes, f"{path.name}:{node.lineno}: {text}"
        made = [n for n in ast.walk(source) if isinstance(n, ast.Call) and ast.unparse(n.func).endswith("Call")]
        assert not made or path.name == "api.py", f"{path.name} makes a request by itself"


@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.backend.name)
def test_the_methods_of_the_api_are_all_known(sender):
    api = import_module(f"{sender.module.__name__}.api").Api
    assert {name for name in dir(api) if callable(getattr(api, name)) and not name.startswith("_")} == set(sender.verbs)


# --- what the page says besides


def test_all_backends_are_on_the_page():
    assert {sender.backend.name for sender in SENDERS} == set(registry.backends())


def test_the_prefix_is_the_default_of_the_option():
    assert f"by default `{Options.model_fields['prefix'].default}`" in PAGE


def test_the_older_names_are_never_sent():
    sent_names = {name for _, call in sent() for name in (*(call.body or ()), *call.query)}
    for old, new in {"run_uuid": "run_id", "anded_expressions": "filter"}.items():
        assert f"**`{old}` and `{new}`.**" in PAGE
        assert new in sent_names
        texts = [template(node) for path in PACKAGE.rglob("*.py") for node in strings(tree(path))]
        assert old not in texts
