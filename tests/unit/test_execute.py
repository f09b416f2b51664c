"""Carrying out plans: order, ids, failures, Ctrl-C, and that no secret gets into an outcome."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import contextmanager
from graphlib import CycleError
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.call import NOW, Call, id_of
from reconciler.core.change import Action, Secret
from reconciler.core.plan import Plan, Step
from reconciler.runtime.execute import Interrupted, execute
from reconciler.runtime.http import Client, Connection, Rejected, Unreachable
from reconciler.runtime.once import Once
from reconciler.runtime.stop import Stop
from tests.lives import owned

A, B, C, D = (Address("experiments", name) for name in "abcd")
CANARY = "hunter2-canary"


def step(address, *calls, needs=()):
    return Step(address, Action.update, calls=calls or (call(address.name),), needs=tuple(needs))


def call(name, **more):
    return Call("POST", f"/{name}", body=more.pop("body", {}), **more)


def plan(*steps, **ids):
    return Plan("s", "t", "mlflow", steps, ids={Address("experiments", name): id_ for name, id_ in ids.items()})


def told(outcomes):
    return [(o.step.address.name, o.status, o.detail) for o in outcomes]


class Server:
    """Takes calls, answers what it was told by path, and remembers."""

    def __init__(self, **answers):
        self.answers = answers
        self.calls = []
        self.lock = threading.Lock()

    def __call__(self, call):
        with self.lock:
            self.calls.append(call)
        answer = self.answers.get(call.path.strip("/"), {})
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def paths(self):
        return [call.path for call in self.calls]


def test_nothing_to_do():
    assert execute(plan(), Server()) == []


def test_calls_of_a_step_are_sent_in_order():
    server = Server()
    outcomes = execute(plan(step(A, *(call(str(n)) for n in range(20)))), server)
    assert server.paths == [f"/{n}" for n in range(20)]
    assert told(outcomes) == [("a", "done", "")]


def test_step_without_calls_is_done():
    assert told(execute(plan(Step(A, Action.delete), step(B, needs=[A])), Server())) == [
        ("a", "done", ""),
        ("b", "done", ""),
    ]


def test_own_id_is_filled_into_the_path_and_encoded():
    server = Server()
    execute(plan(step(A, Call("DELETE", "/x/{id}/tags/%7Bid%7D")), a="1/2 é%"), server)
    assert server.paths == ["/x/1%2F2%20%C3%A9%25/tags/%7Bid%7D"]


def test_ids_in_the_body_come_from_the_plan_and_from_this_apply():
    server = Server(a={"run": {"info": {"id": "77"}}})
    make = call("a", returns=("run", "info", "id"))
    body = {"deep": [{"x": [id_of(A)]}, "kept"], "own": id_of(B), "list": (1, None, True)}
    outcomes = execute(plan(step(A, make), step(B, call("b", body=body), needs=[A]), b="5"), server)
    assert server.calls[1].body == {"deep": [{"x": ["77"]}, "kept"], "own": "5", "list": [1, None, True]}
    assert [o.id for o in outcomes] == ["77", "5"]


def test_id_made_by_a_step_serves_its_own_later_calls():
    server = Server(a={"id": 9})
    execute(plan(step(A, call("a", returns=("id",)), Call("PATCH", "/m/{id}", body={"model_id": id_of(A)}))), server)
    assert (server.paths[1], server.calls[1].body) == ("/m/9", {"model_id": "9"})


def test_now_is_one_moment_per_call():
    server = Server()
    execute(plan(step(A, *[call("a", body={"m": [{"t": NOW}, {"t": NOW}], "n": NOW})] * 2)), server)
    first, second = ([c.body["m"][0]["t"], c.body["m"][1]["t"], c.body["n"]] for c in server.calls)
    assert len(set(first)) == len(set(second)) == 1
    assert abs(first[0] - time.time() * 1000) < 10_000
    assert second[0] >= first[0]


def test_look_alikes_are_left_as_they_are():
    server = Server()
    body = {"a": {"$id": "experiments.x", "more": 1}, "b": {"$now": "s"}, "c": "$id", "d": {"$sensitive": 5}}
    execute(plan(step(A, call("a", body=body))), server)
    assert server.calls[0].body == body


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (Call("GET", "/x/{id}"), "the id of experiments.a is not known"),
        (call("x", body={"id": id_of(D)}), "the id of experiments.d is not known"),
        (call("x", body={"value": {"$sensitive": "${env.TOKEN}"}}), "${env.TOKEN} is not at hand"),
        (call("x", body={"id": {"$id": "garbage"}}), "'garbage' is not an address"),
    ],
)
def test_call_that_cannot_be_filled_fails_its_step_without_being_sent(broken, says):
    server = Server()
    (outcome,) = execute(plan(step(A, broken, call("later"))), server)
    assert outcome.status == "failed"
    assert says in outcome.detail
    assert server.calls == []


@pytest.mark.parametrize(
    "reply", [None, {}, {"id": ""}, {"id": None}, {"id": True}, {"id": {}}, {"id": [1]}, [], "id", 5]
)
def test_reply_without_an_id_is_a_failure(reply):
    server = Server(a=reply)
    outcomes = execute(plan(step(A, call("a", returns=("id",))), step(B, needs=[A])), server)
    assert outcomes[0].status == "failed"
    assert "has no id at id" in outcomes[0].detail
    assert told(outcomes)[1] == ("b", "skipped", "needs experiments.a, which failed")


def test_failure_stops_its_step_and_what_needs_it_and_nothing_else():
    server = Server(two=Rejected(400, "BAD", "no\\n"))
    outcomes = execute(
        plan(
            step(A, call("one"), call("two"), call("three")),
            step(B, needs=[A]),
            step(C, needs=[B, D]),
            step(D),
            step(Address("runs", "x"), needs=[Address("experiments", "not in the plan")]),
        ),
        server,
    )
    assert told(outcomes) == [
        ("a", "failed", "400 BAD: no\\n"),
        ("b", "skipped", "needs experiments.a, which failed"),
        ("c", "skipped", "needs experiments.a, which failed"),
        ("d", "done", ""),
        ("x", "done", ""),
    ]
    assert sorted(server.paths) == ["/d", "/one", "/two", "/x"]


def test_skipped_step_names_all_that_failed():
    server = Server(a=Unreachable("gone"), b=ValueError("odd\x1b"))
    outcomes = execute(plan(step(A), step(B), step(C, needs=[B, A])), server)
    assert told(outcomes) == [
        ("a", "failed", "gone"),
        ("b", "failed", r"ValueError: odd\x1b"),
        ("c", "skipped", "needs experiments.a, experiments.b, which failed"),
    ]


def test_id_of_a_half_made_resource_is_told():
    server = Server(a={"id": "7"}, tag=Rejected(400, "X", ""))
    (outcome,) = execute(plan(step(A, call("a", returns=("id",)), call("tag"))), server)
    assert (outcome.status, outcome.id) == ("failed", "7")


def test_steps_of_a_circle_send_nothing():
    server = Server()
    with pytest.raises(CycleError):
        execute(plan(step(A, needs=[B]), step(B, needs=[A])), server)
    assert server.calls == []


def test_step_that_needs_its_own_address_and_two_steps_of_one_address():
    server = Server(old=Rejected(500, "X", ""))
    steps = [step(A, call("old")), step(A, call("new"), needs=[A]), step(B, needs=[A])]
    assert [o.status for o in execute(plan(*steps), server)] == ["failed", "done", "skipped"]


def test_one_worker_goes_by_the_plans_order():
    addresses = [Address("runs", f"{n:02}") for n in range(30)]
    server, order = Server(), []
    execute(plan(*map(step, addresses)), server, parallel=1, on_start=lambda s: order.append(s.address))
    assert order == addresses
    assert server.paths == [f"/{address.name}" for address in addresses]


def test_parallel_is_reached_and_never_passed():
    lock, now, most = threading.Lock(), [0], [0]
    all_four = threading.Barrier(4, timeout=5)

    def send(_):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        all_four.wait()
        with lock:
            now[0] -= 1

    execute(plan(*(step(Address("runs", str(n))) for n in range(16))), send, parallel=4)
    assert most[0] == 4


def test_what_is_skipped_keeps_nothing_waiting():
    """While a slow step is under way, another fails; what needs that one is skipped, and what does not is started."""
    go = threading.Event()

    def send(call):
        if call.path == "/a" and not go.wait(5):
            raise ValueError("d was not started")
        if call.path == "/b":
            raise Rejected(400, "X", "")
        if call.path == "/d":
            go.set()

    outcomes = execute(plan(step(A), step(B), step(C, needs=[B]), step(D)), send, parallel=2)
    assert [outcome.status for outcome in outcomes] == ["done", "failed", "skipped", "done"]


def test_what_became_of_a_lost_request_is_found_out():
    lost = Unreachable("the connection broke", ambiguous=True)
    server = Server(a=lost)
    look = lambda: [owned("experiments.a", {"name": "a"}, {"name": "a"}, id="7")]  # noqa: E731
    make = step(A, call("a", returns=("id",)))
    (outcome,) = execute(plan(make), server, once=Once(look, Stop(), settle=0))
    assert (outcome.status, outcome.id, server.paths) == ("done", "7", ["/a"])
    (outcome,) = execute(plan(make), server)
    assert (outcome.status, outcome.detail) == ("failed", "the connection broke")


def test_callbacks_come_from_this_thread_and_outcomes_once_each():
    threads, started, ended = set(), [], []

    def note(into):
        return lambda what: (threads.add(threading.get_ident()), into.append(what))

    steps = [step(Address("runs", str(n)), needs=[Address("runs", str(n - 1))] if n % 3 else []) for n in range(30)]
    server = Server(**{"6": Rejected(400, "", "")})
    outcomes = execute(plan(*steps), server, on_start=note(started), on_outcome=note(ended))
    assert threads == {threading.get_ident()}
    assert sorted(ended, key=lambda o: int(o.step.address.name)) == outcomes
    assert len(started) == 28


@given(
    st.integers(1, 8),
    st.lists(st.sets(st.integers(0, 14), max_size=4), min_size=15, max_size=15),
    st.sets(st.integers(0, 14)),
)
@settings(max_examples=60, deadline=None)
def test_needs_are_always_done_first(parallel, needs, broken):
    """Over random graphs: nothing starts before what it needs, and exactly what hangs on a failure is skipped."""
    names = [Address("runs", str(n)) for n in range(15)]
    needs = [{m for m in some if m < n} for n, some in enumerate(needs)]
    done, lock = set(), threading.Lock()

    def send(call):
        index = int(call.path[1:])
        assert needs[index] <= done
        if index in broken:
            raise Rejected(400, "X", "")
        with lock:
            done.add(index)

    outcomes = execute(
        plan(*(step(names[n], needs=[names[m] for m in needs[n]]) for n in range(15))), send, parallel=parallel
    )
    expected = {}
    for n in range(15):
        skipped = any(expected[m] != "done" for m in needs[n])
        expected[n] = "skipped" if skipped else "failed" if n in broken else "done"
    assert {n: o.status for n, o in enumerate(outcomes)} == expected
    assert all("AssertionError" not in o.detail for o in outcomes)


# secrets


def leaking(request):
    return httpx.Response(400, json={"error_code": "BAD", "message": f"Invalid value {request.content.decode()[:30]}"})


@pytest.mark.parametrize("value", [{"$sensitive": "${env.T}"}, Secret(CANARY, "${env.T}")])
def test_servers_words_are_left_out_where_they_may_repeat_a_secret(value):
    connection = Connection("http://h", transport=httpx.MockTransport(leaking))
    steps = [step(A, call("x", body={"tags": [{"value": value}]})), step(B, call("x", body={"value": "open"}))]
    with Client(connection, version="1", writable=True) as client:
        outcomes = execute(plan(*steps), client.send, resolve_secret={"${env.T}": CANARY}.__getitem__)
    assert "hunter" not in repr(outcomes[0].detail)
    assert outcomes[0].detail.startswith("400 BAD (the server's words are left out")
    assert outcomes[1].detail == '400 BAD: Invalid value {"value":"open"}'


def test_sensitive_value_reaches_the_server_and_no_outcome():
    server = Server(x=ValueError(f"cannot send {CANARY}"))
    body = {"a": [{"$sensitive": "${env.T}"}]}
    (outcome,) = execute(plan(step(A, call("x", body=body))), server, resolve_secret=lambda _: CANARY)
    assert server.calls[0].body == {"a": [CANARY]}
    assert outcome.detail == "ValueError"
    assert CANARY not in repr(outcome)


# Ctrl-C


def interrupt():
    """As Ctrl-C: Python raises KeyboardInterrupt in the main thread."""
    signal.raise_signal(signal.SIGINT)


@contextmanager
def stopped():
    """That the first Ctrl-C is told as Interrupted. One that got out would stop the tests, and count as no failure."""
    try:
        with pytest.raises(Interrupted) as caught:
            yield caught
    except KeyboardInterrupt:
        pytest.fail("Ctrl-C got out of execute")
    assert str(caught.value) == "interrupted"


def test_a_second_ctrl_c_waits_for_nothing():
    under_way, go, over = threading.Event(), threading.Event(), threading.Event()

    def send(_):
        under_way.set()
        go.wait(5)
        over.set()

    def press():
        under_way.wait(5)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt):
        execute(plan(step(A), step(B)), send, parallel=1, on_interrupt=interrupt)
    assert not over.is_set()
    go.set()
    assert over.wait(5)


def test_first_ctrl_c_finishes_what_is_under_way_and_starts_nothing():
    under_way, go = threading.Event(), threading.Event()
    sent, heard, interrupted = [], [], []

    def send(call):
        sent.append(call.path)
        if call.path == "/a1":
            under_way.set()
            go.wait(5)
        return {"id": "7"}

    def press():
        under_way.wait(5)
        os.kill(os.getpid(), signal.SIGINT)

    def on_interrupt():
        interrupted.append(True)
        go.set()

    one = step(A, call("a1", returns=("id",)), call("a2"))
    threading.Thread(target=press).start()
    with stopped() as caught:
        execute(
            plan(one, step(B), step(C, needs=[A])),
            send,
            parallel=1,
            on_interrupt=on_interrupt,
            on_outcome=heard.append,
        )
    assert told(caught.value.outcomes) == [
        ("a", "failed", "interrupted"),
        ("b", "skipped", "interrupted before it was started"),
        ("c", "skipped", "interrupted before it was started"),
    ]
    assert caught.value.outcomes[0].id == "7"
    assert sent == ["/a1"]
    assert interrupted == [True]
    assert heard == caught.value.outcomes


def test_step_whose_last_request_was_under_way_is_done():
    under_way, go = threading.Event(), threading.Event()

    def send(_):
        under_way.set()
        go.wait(5)

    def press():
        under_way.wait(5)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with stopped() as caught:
        execute(plan(step(A), step(B)), send, parallel=1, on_interrupt=go.set)
    assert [o.status for o in caught.value.outcomes] == ["done", "skipped"]


@pytest.mark.parametrize("where", ["on_start", "on_outcome"])
def test_ctrl_c_inside_a_callback(where):
    server, pressed, heard = Server(), [], []

    def press(now):
        if now == where and len(server.calls) >= 3 and not pressed:
            pressed.append(True)
            interrupt()

    def on_outcome(outcome):
        heard.append(outcome)
        press("on_outcome")

    steps = [step(Address("runs", str(n))) for n in range(100)]
    with stopped() as caught:
        execute(plan(*steps), server, parallel=2, on_start=lambda _: press("on_start"), on_outcome=on_outcome)
    assert sorted(heard, key=lambda o: int(o.step.address.name)) == caught.value.outcomes
    done = {o.step.calls[0].path for o in caught.value.outcomes if o.status == "done"}
    assert done == set(server.paths)
    assert {o.status for o in caught.value.outcomes} == {"done", "skipped"}
    assert len(caught.value.outcomes) == 100


def test_callback_that_raises_stops_the_apply():
    server = Server()

    def broken_pipe(_):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        execute(plan(*(step(Address("runs", str(n))) for n in range(100))), server, on_outcome=broken_pipe)
    time.sleep(0.05)
    assert len(server.calls) <= 8


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_on_a_process(presses):
    """Once: it waits for the request under way. Twice: it ends at once."""
    code = textwrap.dedent("""
        import time
        from tests.unit.test_execute import *
        def send(call):
            print("sent", flush=True)
            time.sleep(SECONDS)
        try:
            execute(plan(step(A), step(B)), send, parallel=1, on_interrupt=lambda: print("waiting", flush=True))
        except Interrupted as stop:
            print([o.status for o in stop.outcomes], flush=True)
    """).replace("SECONDS", "1.0" if presses == 1 else "60")
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "sent\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "waiting\n"
    if presses == 2:
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=40)  # with two presses the requests would take 60 s
    assert ("KeyboardInterrupt" in err) == (presses == 2)
    assert out == ("['done', 'skipped']\n" if presses == 1 else "")


def test_once_nothing_more_is_to_be_sent_the_rest_is_not_attempted_and_says_why():
    stop, server = Stop(), Server()
    lose = lambda _: stop.because("the stack's lock was lost")  # noqa: E731
    outcomes = execute(plan(step(A), step(B), step(C)), server, parallel=1, stop=stop, on_outcome=lose)
    why = "the stack's lock was lost before it was started"
    assert told(outcomes) == [("a", "done", ""), ("b", "skipped", why), ("c", "skipped", why)]
    assert server.paths == ["/a"]


def test_a_step_that_is_stopped_half_way_has_failed_and_names_the_request():
    stop = Stop()
    server = Server()

    def send(call):
        stop.because("the stack's lock was lost")
        return server(call)

    (outcome,) = execute(plan(step(A, call("1"), call("2"))), send, stop=stop)
    assert (outcome.status, outcome.detail, outcome.call) == ("failed", "the stack's lock was lost", call("2"))
    assert server.paths == ["/1"]
