"""One step: what becomes of a request whose reply was lost, and what the outcome says of a failure."""

from dataclasses import replace

import pytest

from reconciler.core.address import Address
from reconciler.core.call import NOW, Call, amended, id_of
from reconciler.core.change import Action, FieldChange
from reconciler.core.diagnostics import Span
from reconciler.core.plan import Outcome, Step
from reconciler.core.sensitive import hidden
from reconciler.runtime.errors import Rejected, ServerFailed, Stopped, Unreachable
from reconciler.runtime.once import Once
from reconciler.runtime.runner import Runner
from reconciler.runtime.stop import Stop
from tests.lives import address, owned, path

RUN = address("runs.r")
LOST = Unreachable("the connection broke", ambiguous=True)
CREATE = Call("POST", "/create", {"name": "r"}, returns=("run", "info", "id"))
WRITE = Call("POST", "/write/{id}", {"a": 1}, fields=(path("params.a"), path("params.b")))


def run(id, fields=None, **more):  # noqa: A002
    return owned("runs.r", fields or {"name": "r"}, {"name": "r"}, id=id, **more)


class Server:
    """Answers each request with the next of `answers`, each look with what is `there`, and remembers."""

    def __init__(self, *answers, there=()):
        self.answers = list(answers)
        self.there = there
        self.calls = []
        self.looks = 0

    def send(self, call):
        self.calls.append(call)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def look(self):
        self.looks += 1
        return self.there

    def carry_out(self, *calls, once=True, changes=(), at=None, ask=str, **ids):
        known = {Address("runs", name): number for name, number in ids.items()} | {address("experiments.e"): "9"}
        stop = Stop()
        stop.ask = ask
        looking = Once(self.look, stop, settle=0) if once else None
        runner = Runner(self.send, lambda template: f"text of {template}", known, stop, looking)
        return runner.run(Step(RUN, Action.update, calls=calls, changes=tuple(changes), at=at))

    @property
    def paths(self):
        return [call.path for call in self.calls]


def change(name, after):
    return FieldChange(path(name), None, after, Action.update, "manifest")


@pytest.mark.parametrize("reply", [LOST, {"run": {}}], ids=["none", "without-an-id"])
def test_what_a_lost_create_made_is_found_and_used(reply):
    server = Server(reply, {}, there=[run("7")])
    outcome = server.carry_out(CREATE, replace(WRITE, body={"id": id_of(RUN)}, repeatable=True))
    assert (outcome.status, outcome.id) == ("done", "7")
    assert server.paths == ["/create", "/write/7"]
    assert server.calls[1].body == {"id": "7"}


def test_what_was_there_before_was_not_made_by_it():
    """The one that is replaced has the same address, and its mark may not say yet that it is."""
    server = Server(LOST, {"run": {"info": {"id": "8"}}}, there=[run("7")])
    assert server.carry_out(CREATE, r="7").id == "8"
    assert server.paths == ["/create", "/create"]


def test_ids_that_are_known_are_those_of_a_kind():
    """An experiment had the id 9; the new run has it too."""
    assert Server(LOST, there=[run("9")]).carry_out(CREATE).id == "9"


def test_of_several_that_were_made_the_first_is_used():
    assert Server(LOST, there=[run("8"), run("7")]).carry_out(CREATE).id == "7"


def test_what_a_lost_request_wrote_is_not_written_again():
    server = Server(LOST, there=[run("7", {"params.a": "1", "params.b": "text of ${env.B}"})])
    changes = [change("params.a", "1"), change("params.b", {"$sensitive": "${env.B}"}), change("tags.later", "x")]
    assert server.carry_out(WRITE, changes=changes, r="7") == Outcome(
        Step(RUN, Action.update, calls=(WRITE,), changes=tuple(changes)), "done", id="7"
    )
    assert server.paths == ["/write/7"]


@pytest.mark.parametrize("there", [{"params.a": "1"}, {"params.a": "1", "params.b": "3"}, {"tags.later": "x"}])
def test_what_a_lost_request_did_not_write_is_sent_again(there):
    server = Server(LOST, {}, there=[run("7", there)])
    changes = [change("params.a", "1"), change("params.b", "2")]
    assert server.carry_out(WRITE, changes=changes, r="7").status == "done"
    assert server.paths == ["/write/7"] * 2


@pytest.mark.parametrize("repeatable", [True, False])
def test_nobody_looks_after_what_may_be_sent_twice_or_where_nobody_can(repeatable):
    server = Server(LOST, there=[run("7")])
    outcome = server.carry_out(replace(CREATE, repeatable=repeatable), once=repeatable)
    assert (outcome.status, outcome.detail, server.looks) == ("failed", "the connection broke", 0)


@pytest.mark.parametrize(
    ("error", "finding", "detail"),
    [
        (Rejected(400, "BAD", "no"), "server", "400 BAD: no"),
        (ServerFailed(503, "it is busy"), "server", "it is busy"),
        (Unreachable("nobody is there"), "unreachable", "nobody is there"),
        (ValueError("odd\x1b"), "internal", r"ValueError: odd\x1b"),
    ],
)
def test_a_failure_says_what_failed_why_and_where(error, finding, detail):
    at = Span("m.yaml", 4, 9)
    server = Server({}, error)
    calls = [Call("POST", "/1", {}, repeatable=True), Call("POST", "/2", {}, repeatable=True)]
    outcome = server.carry_out(*calls, at=at)
    assert outcome == Outcome(outcome.step, "failed", detail, "", finding, calls[1], at)


@pytest.mark.parametrize("before", [0, 1])
def test_whether_to_go_on_is_asked_before_each_request(before):
    """Before the first one: nothing was begun, and there is nothing to tell."""
    calls = [Call("POST", "/1", {}, repeatable=True), Call("POST", "/2", {}, repeatable=True)]
    server = Server({})
    outcome = server.carry_out(*calls, ask=lambda: "the lock is over" if len(server.calls) == before else "")
    assert server.paths == ["/1"][:before]
    told = outcome and (outcome.status, outcome.detail, outcome.finding, outcome.call)
    assert told == (("failed", "the lock is over", "", calls[1]) if before else None)


@pytest.mark.parametrize("before", [0, 1])
def test_what_waited_for_its_turn_until_it_was_not_wanted_any_more_was_not_attempted(before):
    calls = [Call("POST", "/1", {}, repeatable=True), Call("POST", "/2", {}, repeatable=True)]
    outcome = Server(*[{}] * before, Stopped("it was stopped")).carry_out(*calls)
    told = outcome and (outcome.status, outcome.detail, outcome.finding, outcome.call)
    assert told == (("failed", "it was stopped", "", calls[1]) if before else None)


def test_a_step_that_makes_nothing_and_whose_id_nobody_knows_has_none():
    outcome = Server({}).carry_out(Call("POST", "/1", {}, repeatable=True))
    assert (outcome.status, outcome.id) == ("done", "")


def test_a_reply_without_an_id_says_where_it_should_be():
    outcome = Server({"run": {}}).carry_out(CREATE, once=False)
    assert (outcome.status, outcome.finding) == ("failed", "bad-reply")
    assert outcome.detail == "the reply to POST /create cannot be used: it has no id at run.info.id"


def test_the_moment_is_in_whole_milliseconds():
    server = Server({})
    server.carry_out(Call("POST", "/1", {"at": NOW}, repeatable=True))
    moment = server.calls[0].body["at"]
    assert isinstance(moment, int)
    assert 1_600_000_000_000 < moment < 10_000_000_000_000


PATCH = Call("PATCH", "/runs/{id}", {"tags": amended("tags", {"a": "2"}, but="own.")}, repeatable=True)


def test_what_others_keep_is_read_just_before_it_is_written_back_and_is_a_secret():
    tags = {"a": "1", "theirs": "hunter2", "own.x": "y", "empty": None, "reconciler.ops": "mark"}
    server = Server({}, {"tags": tags}, {})
    outcome = server.carry_out(Call("POST", "/1", {}, repeatable=True), PATCH, r="7")
    assert outcome.status == "done"
    asked = [(call.method, call.path, call.address) for call in server.calls]
    assert asked == [("POST", "/1", RUN), ("GET", "/runs/7", RUN), ("PATCH", "/runs/7", RUN)]
    body = server.calls[-1].body
    assert body == {"tags": {"a": "2", "theirs": "hunter2", "empty": "", "reconciler.ops": "mark"}}
    unseen = {"$sensitive": ""}
    assert hidden(body) == {"tags": {"a": "2", "theirs": unseen, "empty": unseen, "reconciler.ops": "mark"}}


def test_where_nobody_keeps_anything_only_what_is_planned_is_written():
    server = Server({"tags": None}, {})
    assert server.carry_out(PATCH, r="7").status == "done"
    assert server.calls[-1].body == {"tags": {"a": "2"}}


@pytest.mark.parametrize("reply", [{}, [], None, {"tags": [1]}, {"tags": "x"}, {"tags": {"a": 1}}])
def test_nothing_is_written_where_what_others_keep_is_not_shown(reply):
    server = Server(reply)
    outcome = server.carry_out(PATCH, r="7")
    assert (outcome.finding, outcome.call) == ("bad-reply", PATCH)
    assert outcome.detail == "the reply to GET /runs/7 cannot be used: it shows no texts under 'tags'"
    assert server.paths == ["/runs/7"]
