"""Kinds and backends are found where they are, those of installed plug-ins as well."""

from importlib.metadata import EntryPoint

import pytest

from reconciler import registry
from tests.fakes import mlflow as somebody

OWN = {"experiments", "logged_models", "runs"}


@pytest.fixture
def plugged(monkeypatch):
    """Entry points of an installed plug-in: a kind and a backend."""
    points = {
        "reconciler.kinds": [EntryPoint("x", "tests.unit.test_registry:PLUGGED", "reconciler.kinds")],
        "reconciler.backends": [EntryPoint("y", "tests.unit.test_registry:PLUGGED", "reconciler.backends")],
    }
    monkeypatch.setattr(registry, "entry_points", lambda group: points[group])
    registry.kinds.cache_clear()
    registry.backends.cache_clear()
    yield
    registry.kinds.cache_clear()
    registry.backends.cache_clear()


class PLUGGED:
    """What a plug-in would name."""

    name = "prompts"


def test_what_is_built_in():
    assert registry.kinds().keys() >= OWN
    assert "mlflow" in registry.backends()
    assert all(name == kind.name for name, kind in registry.kinds().items())


def test_a_module_that_holds_no_kind_is_no_kind():
    """kinds/fields.py is what kinds share."""
    assert "fields" not in registry.kinds()
    assert somebody.__name__ not in registry.backends()


def test_a_plug_in_adds_a_kind(plugged):
    assert list(registry.kinds()) == sorted(OWN | {"prompts"})
    assert registry.kinds()["prompts"].name == "prompts"


def test_a_plug_in_adds_a_backend(plugged):
    found = registry.backends()
    assert found["prompts"].name == "prompts"
    assert list(found) == ["databricks", "mlflow", "prompts", "tenant"]
    assert len(found) == 4
    assert "zenml" not in found


def test_every_wire_is_of_a_kind_that_there_is():
    for backend in registry.backends().values():
        assert backend.abilities.keys() <= registry.kinds().keys()
        assert all(path.startswith("/") for path in backend.reads)
