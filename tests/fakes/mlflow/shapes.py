"""The fields that each endpoint reads."""

from __future__ import annotations

from .wire import FLAG, INTEGER, NUMBER, TEXT, Fields, Many, One, Shape, enum

VIEWS = {"ACTIVE_ONLY": 1, "DELETED_ONLY": 2, "ALL": 3}
RUN_STATUS = {"RUNNING": 1, "SCHEDULED": 2, "FINISHED": 3, "FAILED": 4, "KILLED": 5}
MODEL_STATUS = {
    "LOGGED_MODEL_STATUS_UNSPECIFIED": 0,
    "LOGGED_MODEL_PENDING": 1,
    "LOGGED_MODEL_READY": 2,
    "LOGGED_MODEL_UPLOAD_FAILED": 3,
}
_VIEW = enum(VIEWS)
_PAIR = {"key": TEXT, "value": TEXT}
_PAIRS = Many(One(_PAIR))
# The order of the fields is that in which the server checks them.
_POINT = {"key": TEXT, "value": NUMBER, "timestamp": INTEGER, "step": INTEGER, "model_id": TEXT}
_DATASET = {"name": TEXT, "digest": TEXT, "source_type": TEXT, "source": TEXT, "schema": TEXT, "profile": TEXT}
_INPUT: Fields = {"tags": _PAIRS, "dataset": One(_DATASET)}
_ORDER = {"field_name": TEXT, "ascending": FLAG}

NAME = Shape({"name": TEXT}, required=("name",))
NAMED_KEY = Shape({"name": TEXT, "key": TEXT}, required=("name", "key"))
NAMED_TAG = Shape({"name": TEXT, **_PAIR}, required=("name", "key"))

EXPERIMENT = Shape({"experiment_id": TEXT}, required=("experiment_id",))
EXPERIMENT_BY_NAME = Shape({"experiment_name": TEXT}, required=("experiment_name",))
EXPERIMENT_CREATE = Shape({"name": TEXT, "artifact_location": TEXT, "tags": _PAIRS}, required=("name",))
EXPERIMENT_UPDATE = Shape({"experiment_id": TEXT, "new_name": TEXT}, required=("experiment_id", "new_name"))
EXPERIMENT_TAG = Shape({"experiment_id": TEXT, **_PAIR}, required=("experiment_id", "key"))
EXPERIMENT_KEY = Shape({"experiment_id": TEXT, "key": TEXT}, required=("experiment_id", "key"))
EXPERIMENT_SEARCH = Shape(
    {"view_type": _VIEW, "max_results": INTEGER, "order_by": Many(TEXT), "filter": TEXT, "page_token": TEXT}
)

RUN = Shape({"run_id": TEXT}, required=("run_id",))
RUN_CREATE = Shape(
    {"experiment_id": TEXT, "user_id": TEXT, "run_name": TEXT, "start_time": INTEGER, "tags": _PAIRS},
    unchecked=("user_id", "tags"),
)
RUN_UPDATE = Shape(
    {"run_id": TEXT, "end_time": INTEGER, "status": enum(RUN_STATUS, as_text=True), "run_name": TEXT},
    required=("run_id",),
)
RUN_TAG = Shape({"run_id": TEXT, **_PAIR}, required=("run_id", "key"))
RUN_KEY = Shape({"run_id": TEXT, "key": TEXT}, required=("run_id", "key"))
RUN_METRIC = Shape({"run_id": TEXT, **_POINT}, required=("run_id", "key", "value", "timestamp"))
RUN_BATCH = Shape(
    {"run_id": TEXT, "metrics": Many(One(_POINT)), "params": _PAIRS, "tags": _PAIRS}, required=("run_id",)
)
RUN_INPUTS = Shape({"run_id": TEXT, "datasets": Many(One(_INPUT))}, required=("run_id",))
RUN_SEARCH = Shape(
    {
        "experiment_ids": Many(TEXT),
        "filter": TEXT,
        "run_view_type": _VIEW,
        "max_results": INTEGER,
        "order_by": Many(TEXT, strict=True),
        "page_token": TEXT,
    },
    unchecked=("run_view_type", "page_token"),
)
HISTORY = Shape(
    {"run_id": TEXT, "metric_key": TEXT, "page_token": TEXT, "max_results": INTEGER},
    required=("run_id", "metric_key"),
)

NOTHING = Shape()
MODEL_GET = Shape({"allow_deleted": FLAG})
MODEL_CREATE = Shape(
    {
        "experiment_id": TEXT,
        "name": TEXT,
        "model_type": TEXT,
        "source_run_id": TEXT,
        "params": _PAIRS,
        "tags": _PAIRS,
    },
    required=("experiment_id",),
)
MODEL_FINALIZE = Shape({"model_id": TEXT, "status": enum(MODEL_STATUS)}, required=("model_id", "status"))
MODEL_TAGS = Shape({"tags": _PAIRS})
MODEL_PARAMS = Shape({"model_id": TEXT, "params": _PAIRS}, required=("model_id",))
MODEL_SEARCH = Shape(
    {
        "experiment_ids": Many(TEXT, strict=True),
        "filter": TEXT,
        "max_results": INTEGER,
        "order_by": Many(One(_ORDER)),
        "page_token": TEXT,
    },
    required=("experiment_ids",),
)
REGISTERED_CREATE = Shape({"name": TEXT, "tags": _PAIRS, "description": TEXT}, required=("name",))
REGISTERED_RENAME = Shape({"name": TEXT, "new_name": TEXT}, required=("name", "new_name"))
REGISTERED_SEARCH = Shape({"filter": TEXT, "max_results": INTEGER, "order_by": Many(TEXT), "page_token": TEXT})
