"""The front door: bytes became a request; here it becomes a call, in this order, and an answer.

    accept → route → parse → authenticate → authorise → throttle → handle → serialise → trail

Operations that are memory only run right here, on the event loop; others in threads, or as coroutines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from types import CoroutineType
from typing import Any

from gureum.gateway import authenticate, outcome, wire
from gureum.gateway.authenticate import Authenticator
from gureum.gateway.authorise import Authoriser, Denied
from gureum.gateway.call import REGION, Answer, Call, context
from gureum.gateway.metrics import Metrics
from gureum.gateway.route import Routes
from gureum.gateway.sigv4 import Claim, Unproven, claim
from gureum.kernel import shapes
from gureum.kernel.faults import Conflict, Fault, Internal
from gureum.kernel.home import Home
from gureum.kernel.listening import Calls
from gureum.kernel.message import Request, Response
from gureum.kernel.models import load
from gureum.kernel.operations import Operations, settled
from gureum.kernel.principal import Principal
from gureum.kernel.registry import Registry
from gureum.kernel.visit import SignedText, Take, Visit

_MOST_WAITING = 2_000
_MOST_REPLAYS = 20

Mount = Callable[[Request, Answer], bool]
"""Takes a request that is no AWS call (console, health) and says whether it was its own."""


class Door:
    """Takes requests, and other services' calls, to handlers."""

    def __init__(
        self,
        home: Home,
        registry: Registry,
        routes: Routes,
        authenticator: Authenticator,
        authoriser: Authoriser,
        mounts: Sequence[Mount] = (),
    ) -> None:
        self.home, self.registry, self.routes = home, registry, routes
        self.authenticator, self.authoriser = authenticator, authoriser
        self.mounts = list(mounts)
        self.metrics = Metrics()
        self._calls = home.part(Calls)
        self._waiting = 0
        home.call, home.call_async = self.call, self.call_async
        home.require = authoriser.require
        home.may = authoriser.may

    # --- a request from outside
    def accept(self, request: Request, answer: Answer) -> None:
        """One HTTP request; `answer` is called once, now or later."""
        for mount in self.mounts:
            if mount(request, answer):
                return
        call = Call(request, answer, self.home.clock.monotonic())
        try:
            found = self._route(call, request)
            if call.ops.outside is not None and (take := call.ops.outside(request)) is not None:
                return self._visit(call, request, take)
            self._parse(call, request)
            self._authenticate(call, request, found)
            self._prepare(call)
            self._throttle(call)
            self._handle(call)
        except Exception as error:
            self._finish(call, None, error)
        return None

    def _route(self, call: Call, request: Request) -> Claim | None:
        found = None
        try:
            found = claim(request)
        except Unproven as unproven:
            self._identify(call, request, None)
            raise authenticate.fault(unproven, call.protocol, s3=call.signed_as_s3) from None
        self._identify(call, request, found)
        return found

    def _identify(self, call: Call, request: Request, found: Claim | None) -> None:
        name = self.routes.find(request, found)
        if not name:
            raise Fault("UnknownOperationException", "No service here answers to this request.", status=404)
        call.model = load(name)
        call.protocol = wire.detect(request, wire.protocols(call.model))
        ops = self.registry.get(name)
        if ops is None:
            raise outcome.absent(f"The service {name} is not built.")
        call.ops = ops
        if ops.rewrite is not None:
            ops.rewrite(request)

    def _parse(self, call: Call, request: Request) -> None:
        model = call.model
        assert model is not None
        operation, call.protocol, labels = wire.match(model, request)
        call.operation = operation
        handler = call.ops.handlers.get(operation.name)
        if handler is None:
            raise outcome.absent(f"The operation {call.ops.service}:{operation.name} is not built.")
        call.handler = handler
        call.params = wire.parse(call.protocol, model, operation, labels, request)

    def _authenticate(self, call: Call, request: Request, found: Claim | None) -> None:
        try:
            session = self.authenticator.check(request, found, call.ops.service)
        except Unproven as unproven:
            raise authenticate.fault(unproven, call.protocol, s3=call.signed_as_s3) from None
        call.principal = session.principal
        call.region = session.region or REGION

    def _visit(self, call: Call, request: Request, take: Take) -> None:
        """A request that is no modelled operation: its service answers it, by calls through this door."""

        def enter(operation: str, params: dict[str, Any], principal: Principal) -> Awaitable[dict[str, Any]]:
            return self.call_async(call.ops.service, operation, params, principal, "", call.region, request)

        def prove(signed: SignedText) -> Principal:
            try:
                return self.authenticator.prove(signed)
            except Unproven as unproven:
                raise authenticate.fault(unproven, call.protocol, s3=call.signed_as_s3) from None

        visit = Visit(self.home, request, call.id, enter, prove)
        task = asyncio.ensure_future(take(visit), loop=self.home.loop)
        task.add_done_callback(partial(self._visited, call))

    def _visited(self, call: Call, done: asyncio.Future[Response]) -> None:
        assert call.answer is not None
        error = Internal() if done.cancelled() else done.exception()
        if error is None:
            call.answer(done.result())
        else:
            self._finish(call, None, error)

    # --- what requests and services' own calls share
    def _prepare(self, call: Call) -> None:
        """Validate the input, find what it acts on, and authorise."""
        handler, params = call.handler, call.params
        assert call.model is not None and call.operation is not None
        rules = shapes.Rules(call.ops.checks, call.ops.echo)
        text = shapes.validator(call.model, call.operation, rules)(params)
        if text is not None:
            raise Fault(call.ops.invalid, text)
        if call.ops.meet is not None:
            call.ops.meet(call.principal, handler, params)
        if handler.look is None:
            found = handler.targets(call.principal.account, call.region, params)
        else:
            found = handler.look(self.home, call.principal, call.region, params)
        call.targets = settled(self.home.store, found)
        if handler.public:
            call.owner = call.targets[0].account or call.principal.account
            return
        extra: Mapping[str, Any] | tuple[Mapping[str, Any], ...] = {}
        if handler.condition_keys is not None:
            extra = handler.condition_keys(context(self.home, call, call.principal.account), params)
        try:
            call.owner = self.authoriser.check(
                call.principal, handler, call.targets, call.request, params, call.region, extra
            )
        except Denied as denied:
            raise outcome.denial(denied, call) from denied

    def _throttle(self, call: Call) -> None:
        if self._waiting >= _MOST_WAITING and call.handler.mode == "thread":
            raise Fault("ThrottlingException", "Rate exceeded", status=400)

    def _handle(self, call: Call) -> None:
        mode = call.handler.mode
        if mode == "inline":
            result = self._run(call)
            if type(result) is CoroutineType:  # it must wait after all (a long poll)
                task = self.home.loop.create_task(result)
                task.add_done_callback(partial(self._task_done, call))
            else:
                self._finish(call, result, None)
        elif mode == "async":
            task = self.home.loop.create_task(self._run_async(call))
            task.add_done_callback(partial(self._task_done, call))
        else:
            self._waiting += 1
            future = self.home.pool.submit(self._run, call)
            future.add_done_callback(
                lambda done: self.home.loop.call_soon_threadsafe(self._thread_done, call, done)
            )

    def _run(self, call: Call) -> Any:
        """The handler as a transaction: run again where another commit came between."""
        for _ in range(_MOST_REPLAYS):
            ctx = call.context = context(self.home, call, call.owner)
            result = call.handler.fn(ctx, call.params)
            if ctx._work is None or not ctx._work:
                return result
            try:
                self.home.store.commit(ctx._work)
            except Conflict:
                if call.handler.live:
                    break
                continue
            return result
        raise Fault("ServiceUnavailable", "The resource is being changed by others; try again.", status=503)

    async def _run_async(self, call: Call) -> Any:
        for _ in range(_MOST_REPLAYS):
            ctx = call.context = context(self.home, call, call.owner)
            result = await call.handler.fn(ctx, call.params)
            if ctx._work is None or not ctx._work:
                return result
            try:
                self.home.store.commit(ctx._work)
            except Conflict:
                if call.handler.live:
                    break
                continue
            return result
        raise Fault("ServiceUnavailable", "The resource is being changed by others; try again.", status=503)

    # --- answering
    def _thread_done(self, call: Call, done: Any) -> None:
        self._waiting -= 1
        self._task_done(call, done)

    def _task_done(self, call: Call, done: Any) -> None:
        if done.cancelled():
            self._finish(call, None, Internal())
            return
        error = done.exception()
        self._finish(call, None if error else done.result(), error)

    def _finish(self, call: Call, result: Any, error: BaseException | None) -> None:
        """Serialise, record, and answer once the turn's writes are kept."""
        assert call.answer is not None
        problem = None if error is None else outcome.as_fault(call, error)
        response = outcome.response(call, result, problem)
        self._record(call, result, problem)
        ops: Operations | None = getattr(call, "ops", None)
        if ops is not None and ops.dress is not None and call.request is not None:
            ops.dress(self.home, call.request, response)
        self.metrics.count(call, response.status, self.home.clock.monotonic() - call.started)
        answer = call.answer
        wrote = problem is None and (
            not call.handler.read_only or (call.context is not None and call.context.kept)
        )
        self.home.tick.after(
            lambda failed: answer(response if failed is None else outcome.unkept(call)), kept=wrote
        )

    def _record(self, call: Call, result: Any, problem: Fault | None) -> None:
        event = outcome.event(call, result, problem, self.home.clock.now())
        if event is not None:
            self._calls.append(event)

    # --- calls that services make
    async def call_async(
        self,
        service: str,
        operation: str,
        params: dict[str, Any],
        principal: Principal,
        account: str,
        region: str,
        request: Request | None = None,
    ) -> dict[str, Any]:
        """Call an operation as a principal, on behalf of `request` if any. Raises its fault."""
        future: asyncio.Future[dict[str, Any]] = self.home.loop.create_future()
        call = self._internal(service, operation, params, principal, region)
        call.request = request
        result: Any = None
        problem: Fault | None = None
        try:
            self._prepare(call)
            if call.handler.mode == "async":
                result = await self._run_async(call)
            elif call.handler.mode == "inline":
                result = self._run(call)
                if type(result) is CoroutineType:
                    result = await result
            else:
                result = await self.home.loop.run_in_executor(self.home.inner_pool, self._run, call)
        except Exception as error:
            problem = outcome.as_fault(call, error)
        self._record(call, result, problem)
        self.home.tick.after(
            lambda failed: _settle(future, result, problem if failed is None else Internal()),
            kept=not call.handler.read_only or (call.context is not None and call.context.kept),
        )
        return await future

    def call(
        self,
        service: str,
        operation: str,
        params: dict[str, Any],
        principal: Principal,
        account: str,
        region: str,
    ) -> dict[str, Any]:
        """The same from a thread; blocks until the answer."""
        work = self.call_async(service, operation, params, principal, account, region)
        return asyncio.run_coroutine_threadsafe(work, self.home.loop).result()

    def _internal(
        self, service: str, operation: str, params: dict[str, Any], principal: Principal, region: str
    ) -> Call:
        ops = self.registry.get(service)
        if ops is None or operation not in ops.handlers:
            raise outcome.absent(f"The operation {service}:{operation} is not built.")
        call = Call(None, None, self.home.clock.monotonic())
        call.ops, call.handler, call.model = ops, ops.handlers[operation], load(service)
        call.protocol = wire.protocols(call.model)[0]
        call.operation = call.model.operations[operation]
        call.params, call.principal, call.region = params, principal, region
        return call


def _settle(future: asyncio.Future[dict[str, Any]], result: Any, problem: Fault | None) -> None:
    if future.done():
        return
    if problem is not None:
        future.set_exception(problem)
    else:
        future.set_result(result or {})
