"""The steps of taking, renewing and releasing a stack's lock, as flows: they are sent replies, errors are thrown in.

**Why two never hold it at once.** The lock is one thing with a fixed name; the token in it says whose it is.

1. *It is made by one.* Creating is atomic, and each request that creates has a token of its own. A reply that is lost
   does not matter: who reads his token in the lock has it. So a token comes into the lock at most once.
2. *It leaves by one door.* Nobody deletes the lock. It is renamed to a name that has its token in it, which is atomic
   too, and which the server refuses while that name is taken. While a retired lock is there, another request to retire
   its token does nothing, however late it arrives and whatever lock it finds: so a token leaves the lock at most once.
3. *What is retired stays.* Who takes a lock over leaves the retired one where it is; once its end is an hour ago
   (`KEPT`) somebody deletes it. Who retires a lock has just read it: what was read a while ago (`FRESH`) is read again.
   Only the holder deletes his own at once, and only if its time is not over by then and none of his requests to retire
   it may still be under way: then nobody else has sent one.
4. *It is over for its holder before it is over for others.* The holder relies on it until `MARGIN` before its end, and
   on no end but one that he has read on the server, in a reply that came while the end before that held. Others take
   it from `MARGIN` after its end. Renewals that arrive late change nothing: see `reconciler.core.lock.until`.

Clocks may differ by twice `MARGIN`, which is a minute, also where one is put right while an apply is under way. And a
request is carried out within an hour (`KEPT`) of being sent, or never.

What is left: `reconciler unlock` retires a lock whose time is not over, so that a holder who releases it at that very
moment may delete the retired one too early; and who deletes the lock by hand takes it away from its holder, who finds
out when he renews it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from reconciler.core.call import Flow
from reconciler.core.diagnostics import Diagnostic, Failed, error
from reconciler.core.lock import Held, LockWire, clock, words
from reconciler.runtime.errors import NotTracking, Rejected, RequestFailed, Unauthorized
from reconciler.runtime.fill import new_id

LENGTH = 300_000
"""Milliseconds for which a lock is taken, and renewed."""
KEPT = 3_600_000
FRESH = 60_000
_REFUSED = (
    *("PERMISSION_DENIED", "INVALID_PARAMETER_VALUE"),
    *("ENDPOINT_NOT_FOUND", "FEATURE_DISABLED", "NOT_IMPLEMENTED"),
)
_NO_ROUTE = (404, 405)
ROUNDS = 6
"""How often something is tried whose fate is not known, or in which others were quicker."""


@dataclass(slots=True)
class Locking:
    """What one apply does about the lock of one stack. Every flow raises RequestFailed.

    Attributes:
        new: who we are, with a new token each time.
        now: milliseconds since 1970.
        sent: the locks that we may have made, by token: all that we tried to make and that were not plainly refused.
        took_over: we have retired a lock whose time was over.
        renewals: how many renewals have been sent whose fate is not known.
        doubt: the failure of the last request to retire a lock whose fate is not known.
    """

    wire: LockWire
    stack: str
    new: Callable[[], Held]
    now: Callable[[], int]
    sent: dict[str, Held] = field(default_factory=dict)
    took_over: bool = False
    renewals: int = 0
    doubt: RequestFailed | None = None

    def ours(self, held: Held) -> bool:
        """Whether we hold the lock that `held` is, and may rely on it: until the end with which we made it."""
        own = self.sent.get(held.token)
        return own is not None and own.stands(self.now())

    def take(self) -> Flow[Held]:
        """Tries to take the lock; who has it in the end. Raises Failed too."""
        holder = Held()
        for left in reversed(range(ROUNDS)):
            try:
                made = yield from self._make()
            except RequestFailed as problem:
                if not problem.ambiguous or not left:
                    raise
                made = None
            if made and self.ours(made):
                return made
            asked = self.now()
            found = yield from self._look()
            if found and not self._over(found):
                return self.sent.get(found.token, found)
            if found and self.now() - asked < FRESH:
                yield from self._take_over(found)
            holder = found or holder
        return holder

    def _make(self) -> Flow[Held | None]:
        """What we made; None where there is one already."""
        own = self.new()
        self.sent[own.token] = own
        call = self.wire.take(self.stack, own)
        try:
            (reply,) = yield [call]
        except RequestFailed as problem:
            if not problem.ambiguous:
                del self.sent[own.token]
            raise
        if reply is None:
            del self.sent[own.token]
            return None
        return own if new_id(reply, call.returns) else None  # an answer that says nothing: who reads it will know

    def _look(self) -> Flow[Held | None]:
        try:
            return (yield from self.wire.read(self.stack))
        except Unauthorized:
            return Held()  # it is taken, by somebody whose things we may not see

    def _over(self, found: Held) -> bool:
        return not self.ours(found) if found.token in self.sent else found.expired(self.now())

    def _take_over(self, found: Held) -> Flow[None]:
        try:
            retired = yield from self._retire(found.token)
        except Unauthorized as problem:
            still = yield from self._look()  # with basic authentication what is gone is forbidden too (MLflow 3.17.2)
            if still == found:
                raise Failed([_out_of_reach(self.stack, found, problem)]) from None
            return
        self.took_over = self.took_over or bool(retired)

    def _retire(self, token: str) -> Flow[bool | None]:
        """Whether this request has retired the lock; None: nobody knows."""
        try:
            (reply,) = yield [self.wire.retire(self.stack, token)]
        except RequestFailed as problem:
            if not problem.ambiguous:
                raise
            self.doubt = problem
            return None
        return reply is not None

    def renew(self, held: Held) -> Flow[Held | None]:
        """`held` with the end that the server has for it; None where it is lost."""
        if not held.stands(self.now()):
            return None
        wanted = replace(held, until=self.now() + LENGTH)
        number, self.renewals = self.renewals, self.renewals + 1
        with suppress(RequestFailed):  # the server knows what became of it
            yield [self.wire.renew(self.stack, wanted, number)]
            self.renewals = number
        found = (yield from self._look()) if held.stands(self.now()) else None
        if found is None or found.token != held.token or not held.stands(self.now()):
            return None
        return replace(held, until=found.until or held.until)

    def release(self, held: Held) -> Flow[bool]:
        """Whether it was ours until now. Only to be called while it `stands`."""
        for sent in range(ROUNDS):
            found = yield from self._look()
            if found is None or found.token != held.token:
                if sent == 1:
                    yield from self._forget(held)
                return sent > 0
            retired = yield from self._retire(held.token)
            if retired is not None:
                if retired and not sent:
                    yield from self._forget(held)
                return retired or sent > 0
        assert self.doubt is not None
        raise self.doubt

    def _forget(self, held: Held) -> Flow[None]:
        """Deletes what we have retired, unless somebody else may be about to retire it too."""
        if held.stands(self.now()):
            with suppress(RequestFailed):  # it is found when somebody takes a lock over
                yield [self.wire.forget(self.stack, held.token)]

    def give_back(self) -> Flow[None]:
        """Releases what we may have taken without knowing."""
        found = (yield from self.wire.read(self.stack)) if self.sent else None
        if found and self.ours(found):
            yield from self.release(found)

    def unlock(self, held: Held) -> Flow[None]:
        """Releases the lock of somebody else. Raises Failed where by now another one has it."""
        refused = False
        for sent in range(ROUNDS):
            found = yield from self.wire.read(self.stack)
            if found and found.token != held.token and not sent:
                raise Failed([locked(self.stack, found)])
            if found is None or found.token != held.token:
                return
            if refused:  # one with this token has been retired before, or none that can be read
                yield [self.wire.forget(self.stack, held.token)]
            retired = yield from self._retire(held.token)
            refused = retired is False
            if retired and not held.token:
                yield [self.wire.forget(self.stack, held.token)]
        raise self.doubt or Failed([locked(self.stack, held)])

    def sweep(self) -> Flow[int]:
        """Deletes the retired locks that nobody can be about to retire any more; how many."""
        found = yield from self.wire.retired(self.stack)
        old = [one for one in found if one.until is not None and self.now() > one.until + KEPT]
        for one in old:
            yield [self.wire.forget(self.stack, one.token)]
        return len(old)


def locked(stack: str, held: Held) -> Diagnostic:
    hint = f"wait for it with --lock-timeout; if that apply is gone: {_unlock(held)}"
    return error("lock-held", f"the stack '{stack}' is locked: {words(held)}", hint=hint)


def unusable(stack: str, problem: RequestFailed) -> Diagnostic | None:
    """The finding for a server, or an account, with which there can be no lock."""
    refused = isinstance(problem, Rejected) and (problem.code in _REFUSED or problem.status in _NO_ROUTE)
    if not refused and not isinstance(problem, Unauthorized | NotTracking):
        return None
    hint = "may this account use the model registry? To apply without a lock: --no-lock"
    return error("no-lock", f"the lock of the stack '{stack}' cannot be taken: {problem}", hint=hint)


def unseen(problem: RequestFailed) -> str:
    """What a plan says where the lock could not be read: the same words each time."""
    if isinstance(problem, Unauthorized):
        return "this account may not see whether it can take one"
    if isinstance(problem, Rejected | NotTracking) and unusable("", problem):
        return "this server has no model registry"
    return "the server did not answer when asked for it"


def unreleased(stack: str, held: Held, problem: BaseException) -> Diagnostic:
    summary = f"the lock of the stack '{stack}' could not be released: {_why(problem)}"
    return Diagnostic("warning", code="lock-stands", summary=summary, hint=_end(held))


def perhaps_standing(stack: str, sent: Sequence[Held], problem: Exception) -> Diagnostic:
    """`sent`: the locks that we may have made, the last one last."""
    *others, held = sent
    words = "it is not known whether the lock of the stack"
    summary = f"{words} '{stack}' was taken, and it could not be looked at: {_why(problem)}"
    hint = f"if it was, {_end(replace(held, token='') if others else held)}"
    return Diagnostic("warning", code="lock-stands", summary=summary, hint=hint)


def lost_lock(stack: str, held: Held) -> Diagnostic:
    summary = f"the lock of the stack '{stack}' was lost before the end: released by somebody, or not renewed in time"
    hint = f"another apply may have written since; plan again to see. The lock was {words(held)}"
    return Diagnostic("warning", code="lock-lost", summary=summary, hint=hint)


def _out_of_reach(stack: str, held: Held, problem: RequestFailed) -> Diagnostic:
    summary = f"the stack '{stack}' is locked: {words(held)}; that is over, and this account may not take it: {problem}"
    return error("lock-held", summary, hint=f"whoever holds it, or an administrator: {_unlock(held)}")


def _why(problem: BaseException) -> str:
    return str(problem) or type(problem).__name__


def _end(held: Held) -> str:
    return f"it ends by itself{f' at {clock(held.until)}' if held.until else ''}; to release it now: {_unlock(held)}"


def _unlock(held: Held) -> str:
    return f"reconciler unlock {held.token}".rstrip()
