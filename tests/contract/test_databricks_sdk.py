"""The official client of Databricks runs against the fake workspace: its requests are understood, its replies read."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.errors import (
    AlreadyExists,
    DatabricksError,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
    Unauthenticated,
)
from databricks.sdk.service import ml

from tests.fakes.databricks import CLIENT_ID, CLIENT_SECRET, HOME, TOKEN, USER, FakeDatabricks
from tests.fakes.mlflow import Fault

NAME = f"{HOME}/fraud"


@pytest.fixture
def fake() -> FakeDatabricks:
    return FakeDatabricks()


@pytest.fixture
def url(fake: FakeDatabricks) -> Iterator[str]:
    with fake.serve() as base:
        yield base


@pytest.fixture
def client(url: str, monkeypatch: pytest.MonkeyPatch) -> WorkspaceClient:
    return connect(url, monkeypatch, token=TOKEN)


def connect(url: str, monkeypatch: pytest.MonkeyPatch, **credentials: str) -> WorkspaceClient:
    for name in [name for name in os.environ if name.startswith(("DATABRICKS_", "ARM_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "/nonexistent")
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)
    return WorkspaceClient(config=Config(host=url, http_timeout_seconds=5, retry_timeout_seconds=5, **credentials))


def tags(entity: ml.Experiment) -> list[tuple[str, str]]:
    return [(tag.key or "", tag.value or "") for tag in entity.tags or ()]


def made(client: WorkspaceClient, name: str = NAME, count: int = 0, size: int = 1) -> str:
    found = [ml.ExperimentTag(key=f"t{number}", value="x" * size) for number in range(count)]
    ident = client.experiments.create_experiment(name, tags=found).experiment_id
    assert ident
    return ident


class TestExperiments:
    def test_system_tags_appear_and_the_owner_is_there_twice(self, client: WorkspaceClient) -> None:
        found = client.experiments.get_experiment(made(client, count=1)).experiment
        assert found
        assert found.artifact_location == f"dbfs:/databricks/mlflow-tracking/{found.experiment_id}"
        keys = [key for key, _ in tags(found)]
        assert (keys.count("mlflow.ownerId"), keys.count("t0")) == (2, 1)
        assert ("mlflow.experiment.sourceName", NAME) in tags(found)

    @pytest.mark.parametrize("name", ["fraud", "Users/x/fraud", ""])
    def test_a_name_is_an_absolute_path(self, client: WorkspaceClient, name: str) -> None:
        with pytest.raises(InvalidParameterValue):
            made(client, name)

    @pytest.mark.parametrize("name", [f"/Workspace{NAME}", f"{NAME}/", f"/Workspace{NAME}/"])
    def test_a_path_is_held_in_one_form_and_found_in_no_other(self, client: WorkspaceClient, name: str) -> None:
        ident = made(client, name)
        assert client.experiments.get_by_name(NAME).experiment.experiment_id == ident
        with pytest.raises(NotFound):
            client.experiments.get_by_name(name)
        with pytest.raises(ResourceAlreadyExists):
            made(client, name)

    def test_the_folder_has_to_be_there(self, client: WorkspaceClient) -> None:
        with pytest.raises(ResourceDoesNotExist, match="Parent directory /Shared/ml/a does not exist"):
            made(client, "/Shared/ml/a/fraud")
        for _ in range(2):
            client.workspace.mkdirs("/Workspace/Shared/ml/a")
        assert made(client, "/Shared/ml/a/fraud")
        assert client.workspace.get_status("/Shared/ml").object_type.value == "DIRECTORY"
        with pytest.raises(ResourceAlreadyExists):
            client.workspace.mkdirs("/Shared/ml/a/fraud/b")

    @pytest.mark.parametrize(("count", "size"), [(21, 1), (1, 5_001)])
    def test_a_create_takes_only_so_much(self, client: WorkspaceClient, count: int, size: int) -> None:
        with pytest.raises(InvalidParameterValue):
            made(client, count=count, size=size)
        assert made(client, count=20, size=5_000)

    def test_a_tag_takes_more_than_a_create(self, client: WorkspaceClient) -> None:
        ident = made(client)
        client.experiments.set_experiment_tag(ident, "t", "é" * 32_768)
        with pytest.raises(InvalidParameterValue):
            client.experiments.set_experiment_tag(ident, "t", "é" * 32_769)

    def test_a_rename_is_followed_by_the_system_tag(self, client: WorkspaceClient) -> None:
        ident = made(client)
        client.experiments.update_experiment(ident, new_name=f"/Workspace{HOME}/cards")
        found = client.experiments.get_experiment(ident).experiment
        assert found
        assert found.name == f"{HOME}/cards"
        assert ("mlflow.experiment.sourceName", f"{HOME}/cards") in tags(found)

    def test_the_trash(self, client: WorkspaceClient) -> None:
        """It frees the name, hides the experiment from look-ups by name, refuses changes, and gives back by id."""
        experiments = client.experiments
        first = made(client)
        run = experiments.create_run(experiment_id=first).run
        experiments.delete_experiment(first)
        found = experiments.get_experiment(first).experiment
        assert found
        assert (found.name, found.lifecycle_stage) == (f"{HOME}/Trash/fraud", "deleted")
        with pytest.raises(NotFound):
            experiments.get_by_name(NAME)
        with pytest.raises(InvalidParameterValue, match="because it is in trash folder"):
            experiments.update_experiment(first, new_name=f"{HOME}/cards")
        with pytest.raises(InvalidParameterValue):
            experiments.set_experiment_tag(first, "t", "1")
        second = made(client)
        with pytest.raises(ResourceAlreadyExists):
            experiments.restore_experiment(first)
        experiments.delete_experiment(second)
        experiments.restore_experiment(first)
        assert experiments.get_by_name(NAME).experiment.experiment_id == first
        assert run
        assert run.info
        assert experiments.get_run(run.info.run_id or "").run.info.lifecycle_stage == "active"

    def test_search(self, client: WorkspaceClient) -> None:
        made(client, count=1)
        gone = made(client, f"{HOME}/other")
        client.experiments.delete_experiment(gone)
        found = [one.name for one in client.experiments.search_experiments(filter="tags.t0 LIKE '%'")]
        assert found == [NAME]
        view = ml.ViewType.DELETED_ONLY
        assert [one.experiment_id for one in client.experiments.search_experiments(view_type=view)] == [gone]
        assert list(client.experiments.search_experiments(max_results=3_000))
        with pytest.raises(InvalidParameterValue):
            list(client.experiments.search_experiments(max_results=3_001))


class TestWhatAWorkspaceMayHave:
    def test_the_other_error_for_a_name_that_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with FakeDatabricks(taken="ALREADY_EXISTS").serve() as base:
            client = connect(base, monkeypatch, token=TOKEN)
            made(client)
            with pytest.raises(AlreadyExists):
                made(client)

    def test_tags_of_experiments_cannot_be_removed_unless_it_is_switched_on(
        self, client: WorkspaceClient, fake: FakeDatabricks
    ) -> None:
        ident = made(client, count=1)
        path, body = "/api/2.0/mlflow/experiments/delete-experiment-tag", {"experiment_id": ident, "key": "t0"}
        with pytest.raises(NotFound) as caught:
            client.api_client.do("POST", path, body=body)
        assert caught.value.error_code == "ENDPOINT_NOT_FOUND"
        fake.untags = True
        with pytest.raises(InvalidParameterValue):
            client.api_client.do("POST", path, body={})
        client.api_client.do("POST", path, body=body)
        assert "t0" not in dict(tags(client.experiments.get_experiment(ident).experiment))

    def test_the_registry_of_the_workspace(self, client: WorkspaceClient, fake: FakeDatabricks) -> None:
        registry = client.model_registry
        registry.create_model("lock", tags=[ml.ModelTag(key="a", value="1")])
        with pytest.raises(ResourceAlreadyExists):
            registry.create_model("lock")
        registry.set_model_tag("lock", "a", "2")
        found = registry.get_model("lock").registered_model_databricks
        assert found
        assert [(tag.key, tag.value) for tag in found.tags or ()] == [("a", "2")]
        registry.rename_model("lock", new_name="old")
        assert [model.name for model in registry.search_models(filter="name LIKE 'o%'")] == ["old"]
        fake.registry = False
        with pytest.raises(NotFound, match="disabled"):
            registry.create_model("lock")

    def test_what_is_no_route_is_a_page(self, client: WorkspaceClient) -> None:
        with pytest.raises(DatabricksError, match="404"):
            client.api_client.do("GET", "/api/2.0/mlflow/no-such-thing")

    def test_a_pause_is_asked_for_and_kept(self, client: WorkspaceClient, fake: FakeDatabricks) -> None:
        busy = Fault(429, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "slow down"}, retry_after="0")
        fake.fault = lambda number, method, path: busy if number % 2 else None
        assert client.experiments.get_experiment(made(client)).experiment


class TestRunsAndModels:
    def test_a_run(self, client: WorkspaceClient) -> None:
        experiments = client.experiments
        found = experiments.create_run(experiment_id=made(client), run_name="base", start_time=7).run
        assert found
        assert found.info
        run = found.info.run_id or ""
        experiments.log_batch(
            run_id=run,
            metrics=[ml.Metric(key="loss", value=0.5, timestamp=1, step=0)],
            params=[ml.Param(key="depth", value="6")],
            tags=[ml.RunTag(key="t", value="1")],
        )
        experiments.set_tag("long", "x" * 65_536, run_id=run)
        experiments.log_param("width", "x" * 500, run_id=run)
        dataset = ml.Dataset(name="cards", digest="a1", source_type="s3", source="s3://c")
        experiments.log_inputs(run, datasets=[ml.DatasetInput(dataset=dataset)])
        experiments.update_run(run_id=run, status=ml.UpdateRunStatus.FINISHED, run_name="new")
        shown = experiments.get_run(run).run
        assert shown
        assert shown.data
        assert shown.info
        assert (shown.info.run_name, shown.info.status) == ("new", ml.RunInfoStatus.FINISHED)
        assert {param.key for param in shown.data.params or ()} == {"depth", "width"}
        assert [metric.value for metric in experiments.get_history("loss", run_id=run)] == [0.5]
        with pytest.raises(InvalidParameterValue):
            experiments.log_param("deep", "é" * 251, run_id=run)
        with pytest.raises(InvalidParameterValue):
            experiments.set_tag("long", "x" * 65_537, run_id=run)
        for batch in ({"params": [ml.Param("p", "x" * 251)]}, {"tags": [ml.RunTag("p", "x" * 251)]}):
            with pytest.raises(InvalidParameterValue):
                experiments.log_batch(run_id=run, **batch)
        experiments.delete_run(run)
        experiments.restore_run(run)

    def test_a_logged_model(self, client: WorkspaceClient) -> None:
        """The SDK leaves the id out of the bodies, and the workspace does not miss it."""
        experiments, ident = client.experiments, made(client)
        model = experiments.create_logged_model(ident, name="xgb", params=[ml.LoggedModelParameter("depth", "6")]).model
        assert model
        assert model.info
        number = model.info.model_id or ""
        experiments.finalize_logged_model(number, ml.LoggedModelStatus.LOGGED_MODEL_READY)
        experiments.log_logged_model_params(number, params=[ml.LoggedModelParameter("eta", "1")])
        experiments.set_logged_model_tags(number, tags=[ml.LoggedModelTag("a", "1"), ml.LoggedModelTag("b", "2")])
        experiments.delete_logged_model_tag(number, "a")
        shown = experiments.get_logged_model(number).model
        assert shown
        assert shown.info
        assert shown.info.status == ml.LoggedModelStatus.LOGGED_MODEL_READY
        assert [tag.key for tag in shown.info.tags or ()] == ["b"]
        assert len(experiments.search_logged_models(experiment_ids=[ident]).models or ()) == 1
        with pytest.raises(InvalidParameterValue):
            experiments.search_logged_models(experiment_ids=[ident], max_results=51)
        experiments.delete_logged_model(number)
        with pytest.raises(NotFound):
            experiments.get_logged_model(number)


class TestAccess:
    def test_who_it_is(self, client: WorkspaceClient, fake: FakeDatabricks) -> None:
        assert client.current_user.me().user_name == USER
        assert fake.requests[-1].headers["x-databricks-workspace-id"] == "4711"

    def test_a_service_principal(self, url: str, fake: FakeDatabricks, monkeypatch: pytest.MonkeyPatch) -> None:
        client = connect(url, monkeypatch, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
        assert client.current_user.me().user_name == CLIENT_ID
        client.experiments.get_experiment(made(client, "/Shared/fraud"))
        assert fake.granted == 1

    def test_wrong_credentials(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(PermissionDenied, match="Invalid access token"):
            made(connect(url, monkeypatch, token="dapi-wrong"))
        with pytest.raises(Unauthenticated):
            made(connect(url, monkeypatch, username="ada", password="x"))
        with pytest.raises(ValueError, match="invalid_client"):
            connect(url, monkeypatch, client_id=CLIENT_ID, client_secret="wrong").current_user.me()


class TestPermissions:
    def entries(self, found: ml.ExperimentPermissions) -> set[tuple[str, str, bool]]:
        return {
            (
                entry.user_name or entry.group_name or entry.service_principal_name or "",
                held.permission_level.value,
                bool(held.inherited),
            )
            for entry in found.access_control_list or ()
            for held in entry.all_permissions or ()
        }

    def request(self, level: str, **who: str) -> ml.ExperimentAccessControlRequest:
        return ml.ExperimentAccessControlRequest(permission_level=ml.ExperimentPermissionLevel(level), **who)

    def test_direct_and_inherited(self, client: WorkspaceClient) -> None:
        ident, experiments = made(client), client.experiments
        inherited = {("admins", "CAN_MANAGE", True), (USER, "CAN_MANAGE", True)}
        assert self.entries(experiments.get_permissions(ident)) == inherited | {(USER, "CAN_MANAGE", False)}
        reader = self.request("CAN_READ", user_name="Bob@example.com")
        found = experiments.update_permissions(ident, access_control_list=[reader])
        assert self.entries(found) >= {("bob@example.com", "CAN_READ", False), (USER, "CAN_MANAGE", False)}
        editors = self.request("CAN_EDIT", group_name="editors")
        found = experiments.set_permissions(ident, access_control_list=[editors])
        assert self.entries(found) == inherited | {("editors", "CAN_EDIT", False)}
        assert self.entries(experiments.set_permissions(ident, access_control_list=[])) == inherited

    def test_one_can_lock_oneself_out(self, client: WorkspaceClient) -> None:
        ident, experiments = made(client, "/Shared/fraud"), client.experiments
        experiments.set_permissions(ident, access_control_list=[self.request("CAN_READ", user_name=USER)])
        with pytest.raises(PermissionDenied):
            experiments.get_permissions(ident)

    def test_an_unknown_level(self, client: WorkspaceClient) -> None:
        path = f"/api/2.0/permissions/experiments/{made(client)}"
        body = {"access_control_list": [{"user_name": "bob", "permission_level": "CAN_RUN"}]}
        with pytest.raises(InvalidParameterValue):
            client.api_client.do("PATCH", path, body=body)
