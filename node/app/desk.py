"""The desk process: REST on loopback, one set of workers per institution. `python -m node.app.desk --home DIR ...`"""

import argparse
import asyncio
import gc
import json
import signal
from functools import partial
from pathlib import Path

import structlog
import uvicorn

from contracts.client.errors import UnavailableError
from node.app.home import Home, load_cast_of
from node.app.logs import configure_logging
from node.app.pages.console import add_pages
from node.app.pages.health import look_at_network
from node.app.people import site_of
from node.app.rest_tls import RestTls
from node.app.settings import Settings, load_settings
from node.app.wiring import Chain, Institution, Worker, build_chain, build_institutions, build_rest
from node.identity.oauth.authenticator import Programs
from node.messages.listener import Listener
from node.messages.wire import PATH
from node.printing.press import Press
from pqc import liboqs, signatures

_CONNECT_RETRY_S = 0.1
# What requests leave is gone by the first or second look; a full one stops the process for sixty milliseconds.
_GC_THRESHOLDS = (2_000, 20, 50)
_LOG = structlog.get_logger(__name__)


async def run_desk(
    home: Home,
    rpc_url: str,
    port: int,
    messages_port: int,
    settings: Settings,
    tls: RestTls | None = None,
    *,
    keeps_time: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT; a worker that fails ends the process, for the supervisor to see."""
    cast = load_cast_of(home)
    chain = build_chain(rpc_url, json.loads(home.genesis.read_text("utf-8")))
    messages_url = f"https://127.0.0.1:{messages_port}{PATH}"
    scheme, site = "http" if tls is None else "https", site_of(cast.network, port, is_secure=tls is not None)
    local = f"{scheme}://127.0.0.1:{port}"
    press = Press()
    institutions = build_institutions(
        home, cast, chain, f"{local}/v1", messages_url, site, press, settings, keeps_time=keeps_time
    )
    programs = Programs(site.origin, (site.origin, local))
    rest = build_rest(home, cast, institutions, programs, keeps_time=keeps_time)
    add_pages(rest, cast, chain.client, rpc_url, partial(look_at_network, chain.client))
    options = {} if tls is None else tls.options()
    server = _Server(
        uvicorn.Config(rest, log_config=None, port=port, ws="none", timeout_graceful_shutdown=3, **options)
    )
    try:
        async with asyncio.TaskGroup() as tasks:
            workers = tasks.create_task(_work(chain, institutions, messages_port))
            tasks.create_task(_serve(server, workers, port))
    finally:
        await press.close()


class _Server(uvicorn.Server):
    """uvicorn, saying when it listens."""

    async def startup(self, sockets: object = None) -> None:
        await super().startup()
        _LOG.info("desk_listening", port=self.config.port)


async def _serve(server: _Server, workers: "asyncio.Task[None]", port: int) -> None:
    await server.serve()
    _LOG.info("desk_stopping", port=port)
    workers.cancel()


async def _work(chain: Chain, institutions: dict[str, Institution], messages_port: int) -> None:
    """Connect to the chain, then take messages and run the feed and every institution's workers."""
    await _connect(chain)
    # What is loaded by now stays: a full collection that looks through it stops the process for a quarter of a second.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    listener = Listener(institution.hosted for institution in institutions.values())
    async with listener.listening("127.0.0.1", messages_port), asyncio.TaskGroup() as tasks:
        tasks.create_task(chain.feed.run())
        for institution_id, institution in institutions.items():
            for worker in institution.workers:
                tasks.create_task(_named(institution_id, worker))


async def _connect(chain: Chain) -> None:
    while True:
        try:
            await chain.client.connect()
        except UnavailableError:
            await asyncio.sleep(_CONNECT_RETRY_S)
        else:
            return


async def _named(institution_id: str, worker: Worker) -> None:
    structlog.contextvars.bind_contextvars(institution=institution_id)
    try:
        await worker()
    except Exception:
        _LOG.error("worker_failed", worker=getattr(worker, "__qualname__", repr(worker)), exc_info=True)
        raise


def main() -> None:
    """Parse arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m node.app.desk", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--rpc-url", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--messages-port", type=int, required=True)
    parser.add_argument("--liboqs", type=Path, help="folder of liboqs, which then computes ML-DSA")
    parser.add_argument("--rest-certificate", type=Path, help="REST over TLS: own certificate (PEM)")
    parser.add_argument("--rest-key", type=Path, help="and its key")
    parser.add_argument("--rest-client-ca", type=Path, help="authorities of clients' certificates")
    parser.add_argument(
        "--keep-time", action="store_true", help="have a block made when time alone has made something due"
    )
    parser.add_argument("--log-level", default="info")
    arguments = parser.parse_args()
    configure_logging(arguments.log_level, "desk")
    if arguments.liboqs:
        signatures.use_backend(liboqs.load(arguments.liboqs))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tls = None
    if arguments.rest_certificate:
        tls = RestTls(arguments.rest_certificate, arguments.rest_key, arguments.rest_client_ca)
    settings = load_settings()
    asyncio.run(
        run_desk(
            Home(arguments.home, settings.databases),
            arguments.rpc_url,
            arguments.port,
            arguments.messages_port,
            settings,
            tls,
            keeps_time=arguments.keep_time,
        )
    )


if __name__ == "__main__":
    main()
