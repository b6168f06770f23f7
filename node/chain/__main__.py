"""Runs the chain process: `python -m node.chain --home DIR --port N [--interval-ms N | --instant]`."""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

import structlog

from node.chain.errors import ChainError
from node.chain.process import ChainSettings, ValidatorSettings, run_chain
from pqc import liboqs, signatures
from pqc.errors import BackendUnavailableError


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    settings = _settings(sys.argv[1:])
    _configure_logging()
    try:
        if settings.liboqs:
            signatures.use_backend(liboqs.load(settings.liboqs))
        asyncio.run(_run_until_signal(settings))
    except (ChainError, BackendUnavailableError, OSError) as error:
        return _report(error)
    except BaseExceptionGroup as group:
        expected, rest = group.split((ChainError, OSError))
        if rest is not None or expected is None:
            raise
        return _report(expected.exceptions[0])
    return 0


def _report(error: BaseException) -> int:
    structlog.get_logger("landfall.chain").error("chain_failed", kind=type(error).__name__, error=str(error))
    return 1


async def _run_until_signal(settings: ChainSettings) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(run_chain(settings))
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        structlog.get_logger("landfall.chain").info("chain_stopped")


def _settings(arguments: list[str]) -> ChainSettings:
    parser = argparse.ArgumentParser(prog="python -m node.chain", description="The chain process of a Landfall node.")
    parser.add_argument("--home", type=Path, required=True, help="directory with genesis.json")
    parser.add_argument("--port", type=int, default=8545, help="JSON-RPC port, 0 = any free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--cors-origin", action="append", default=[], help="allow this web origin (repeatable)")
    parser.add_argument("--liboqs", type=Path, help="folder of liboqs, which then computes ML-DSA")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--interval-ms", type=int, default=0, help="at least this long between blocks")
    pace.add_argument("--instant", action="store_true", help="a block as soon as something is pending (default)")
    pace.add_argument("--manual", action="store_true", help="blocks only by evm_mine and landfall_advanceTo")
    parser.add_argument("--consensus", choices=("solo", "cometbft"), default="solo", help="who decides on blocks")
    parser.add_argument("--engine", choices=("geth", "pyevm"), default="pyevm", help="what executes (cometbft)")
    parser.add_argument("--run-dir", type=Path, help="folder of the sockets of CometBFT and geth (cometbft)")
    chosen = parser.parse_args(arguments)
    if not 0 <= chosen.interval_ms <= 60_000:
        parser.error(f"--interval-ms: expected 0 to 60000, got {chosen.interval_ms}")
    if chosen.consensus == "cometbft" and chosen.run_dir is None:
        parser.error("--run-dir: expected the folder of the sockets with --consensus cometbft, got none")
    return ChainSettings(
        home=chosen.home,
        port=chosen.port,
        host=chosen.host,
        interval_ms=chosen.interval_ms,
        is_manual=chosen.manual,
        cors_origins=tuple(chosen.cors_origin),
        liboqs=chosen.liboqs,
        validator=ValidatorSettings(chosen.engine, chosen.run_dir) if chosen.consensus == "cometbft" else None,
    )


def _configure_logging() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    sys.exit(main())
