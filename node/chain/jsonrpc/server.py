"""JSON-RPC 2.0 over HTTP: one POST path, single requests and batches, bounded in every direction.

Only `application/json` is taken and the Host header must be a known name, so that a web page cannot reach the port
through a visitor's browser (no cross-origin headers are sent unless origins are configured).

Source: JSON-RPC 2.0 specification; ethereum/execution-apis.
"""

import asyncio
import inspect
import ipaddress
import json
from collections.abc import Mapping
from typing import Any, Final

import structlog
from aiohttp import web

from contracts.client.request_id import HEADER as REQUEST_ID_HEADER
from contracts.client.request_id import split_ids
from node.chain.errors import (
    ChainError,
    InvalidParamsError,
    InvariantError,
    LimitExceededError,
    MethodNotFoundError,
    NotReadyError,
)
from node.chain.jsonrpc.methods import Method, RawJson
from node.chain.limits import (
    RPC_BATCH_MAX,
    RPC_BODY_BYTES_MAX,
    RPC_JSON_DEPTH_MAX,
    RPC_RESULT_BYTES_MAX,
    RPC_WAIT_READY_S,
)
from node.json_depth import json_depth

_log = structlog.get_logger("landfall.chain")
# Where a client's request ends and the chain's part begins: with the request's id, both logs tell one story.
_SUBMITTING: Final = frozenset({"eth_sendRawTransaction", "landfall_sendDualSigned"})
_PARSE_ERROR: Final = -32700
_INVALID_REQUEST: Final = -32600
_INTERNAL_ERROR: Final = -32603


class JsonRpcServer:
    """Answers HTTP before the chain is open: what needs the chain waits for `open`."""

    def __init__(
        self, static: Mapping[str, Method], cors_origins: tuple[str, ...] = (), hosts: tuple[str, ...] = ()
    ) -> None:
        self._static = dict(static)
        self._methods: dict[str, Method] | None = None
        self._ready = asyncio.Event()
        self._cors_origins = cors_origins
        self._hosts = {"localhost", *hosts}

    def open(self, methods: Mapping[str, Method]) -> None:
        """Answer everything from now on."""
        self._methods = {**self._static, **methods}
        self._ready.set()

    def web_application(self) -> web.Application:
        """Return the aiohttp application to serve."""
        application = web.Application(client_max_size=RPC_BODY_BYTES_MAX)
        application.router.add_post("/", self._post)
        application.router.add_route("OPTIONS", "/", self._preflight)
        return application

    # -- HTTP --------------------------------------------------------------------------------------------------

    async def _post(self, request: web.Request) -> web.Response:
        headers = self._origin_headers(request)
        if not self._is_known_host(request.host):
            return web.Response(status=403, text="Host: expected a name of this node\n")
        if request.content_type != "application/json":
            return web.Response(status=415, text="Content-Type: expected application/json\n", headers=headers)
        body = await request.read()
        # Before it is parsed: py-evm raises the recursion limit beyond what the C stack holds, so that deep input would
        # end the process.
        if json_depth(body) > RPC_JSON_DEPTH_MAX:
            message = f"parse error: expected at most {RPC_JSON_DEPTH_MAX} levels"
            return _json(_failure(None, _PARSE_ERROR, message), headers)
        try:
            document = json.loads(body)
        except ValueError:
            return _json(_failure(None, _PARSE_ERROR, "parse error: expected JSON"), headers)
        answer = await self.answer(document, request.headers.get(REQUEST_ID_HEADER, ""))
        return web.Response(status=200, headers=headers) if answer is None else _json(answer, headers)

    async def _preflight(self, request: web.Request) -> web.Response:
        headers = self._origin_headers(request)
        if not headers:
            return web.Response(status=403, text="cross-origin requests are off; configure origins to allow them\n")
        allowed = {"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "content-type"}
        return web.Response(status=204, headers=headers | allowed)

    def _origin_headers(self, request: web.Request) -> dict[str, str]:
        origin = request.headers.get("Origin")
        if origin is None or not ({origin, "*"} & set(self._cors_origins)):
            return {}
        return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}

    def _is_known_host(self, host: str) -> bool:
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return name.lower() in self._hosts
        return True

    # -- JSON-RPC ----------------------------------------------------------------------------------------------

    async def answer(self, document: object, request_ids: str = "") -> object | None:
        """Return the answer to a request or batch; None when only notifications were sent.

        Args:
            request_ids: The header X-Request-Id, for a batch possibly of each call's.
        """
        if not isinstance(document, list):
            (request_id,) = split_ids(request_ids, 1)
            return await self._answer_for(document, request_id)
        if not document:
            return _failure(None, _INVALID_REQUEST, "batch: expected at least one request")
        if len(document) > RPC_BATCH_MAX:
            return _failure(None, _INVALID_REQUEST, f"batch: expected at most {RPC_BATCH_MAX}, got {len(document)}")
        return await self._answer_batch(document, split_ids(request_ids, len(document)))

    async def _answer_batch(self, batch: list[object], request_ids: list[str | None]) -> object | None:
        """Answer in order; calls that wait for the disk wait together."""
        tasks = [asyncio.ensure_future(self._answer_for(*one)) for one in zip(batch, request_ids, strict=True)]
        answers, size = [], 0
        for task in tasks:
            one = await task
            if one is None:
                continue
            size += len(encode_answer(one))
            if size > RPC_RESULT_BYTES_MAX:
                message = f"response too large: expected at most {RPC_RESULT_BYTES_MAX} bytes for a batch"
                one = _failure(one.get("id"), LimitExceededError.rpc_code, message)
            answers.append(one)
        return answers or None

    async def _answer_for(self, request: object, request_id: str | None) -> dict[str, Any] | None:
        """Answer with the id of the request that it serves in every line of the log."""
        if request_id is None:
            return await self._answer_one(request)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            return await self._answer_one(request)

    async def _answer_one(self, request: object) -> dict[str, Any] | None:
        if not isinstance(request, dict) or request.get("jsonrpc") != "2.0":
            return _failure(None, _INVALID_REQUEST, 'invalid request: expected an object with jsonrpc "2.0"')
        request_id = request.get("id")
        if isinstance(request_id, dict | list | bool):
            return _failure(None, _INVALID_REQUEST, "invalid request: id expected text, a number or null")
        try:
            result = await self._dispatch(request.get("method"), request.get("params", []))
        except ChainError as error:
            if isinstance(error, InvariantError):
                _log.error("rpc_invariant_broken", method=str(request.get("method"))[:64], error=str(error))
            return None if "id" not in request else _failure(request_id, error.rpc_code, str(error), error.rpc_data)
        except Exception:  # noqa: BLE001 - the edge of a request
            _log.exception("rpc_failed", method=str(request.get("method"))[:64])
            return _failure(request_id, _INTERNAL_ERROR, "internal error; see the node's log")
        return {"jsonrpc": "2.0", "id": request_id, "result": result} if "id" in request else None

    async def _dispatch(self, name: object, params: object) -> Any:
        if not isinstance(name, str):
            raise InvalidParamsError("method: expected text")
        if params is None:
            params = []
        if not isinstance(params, list):
            raise InvalidParamsError("params: expected a list")
        method = await self._method(name)
        if len(params) < method.params_min:
            raise InvalidParamsError(f"missing value for required argument {len(params)}")
        if len(params) > method.params_max:
            raise InvalidParamsError(f"too many arguments, want at most {method.params_max}")
        result = method.answer(params)
        answered = await result if inspect.isawaitable(result) else result
        if name in _SUBMITTING and structlog.contextvars.get_contextvars():
            # Somebody's request led here. Others are not worth a line each: it costs as much as taking one.
            _log.info("transaction_taken", method=name, tx_hash=answered)
        return answered

    async def _method(self, name: str) -> Method:
        found = self._static.get(name)
        if found is not None and self._methods is None:
            return found
        if self._methods is None:
            try:
                await asyncio.wait_for(self._ready.wait(), RPC_WAIT_READY_S)
            except TimeoutError:
                raise NotReadyError("the chain is still opening; ask again") from None
        found = (self._methods or {}).get(name)
        if found is None:
            raise MethodNotFoundError(f"the method {name[:64]} does not exist/is not available")
        return found


def _failure(request_id: Any, code: int, message: str, data: Any = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return {"jsonrpc": "2.0", "id": request_id, "error": error}


def _json(document: object, headers: dict[str, str]) -> web.Response:
    body = (
        b"[" + b",".join(map(encode_answer, document)) + b"]" if isinstance(document, list) else encode_answer(document)
    )
    return web.Response(body=body, content_type="application/json", headers=headers)


def encode_answer(answer: Any) -> bytes:
    """Return an answer's JSON; a result that is JSON already is put in as it is."""
    result = answer.get("result")
    if not isinstance(result, RawJson):
        return json.dumps(answer, separators=(",", ":")).encode()
    head = json.dumps({"jsonrpc": "2.0", "id": answer["id"]}, separators=(",", ":")).encode()
    return head[:-1] + b',"result":' + result.text + b"}"
