"""Compile contracts/src/*.vy into contracts/artifacts/*.json, or check that they belong together.

    python scripts/build_contracts.py              compile what has changed
    python scripts/build_contracts.py Token ...    compile these, changed or not
    python scripts/build_contracts.py --check      write nothing; fail if an artifact is missing, stale or left over
    python scripts/build_contracts.py --snapshot   compile what has changed and put sizes into the snapshot

An artifact names the SHA-256 of every source that went into it, so whether it is current is known without compiling;
`--check` compiles all the same, because a hash in a file proves nothing about the bytecode beside it. How a contract is
optimised and for which EVM stands in its own pragmas. Runtime code above nine tenths of the EIP-170 limit is refused.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = ROOT / "contracts" / "src"
ARTIFACTS: Final = ROOT / "contracts" / "artifacts"
SNAPSHOT: Final = ROOT / "tests" / "contracts" / "sizes_and_gas.json"

# EIP-170: bytes of runtime code a chain accepts; a tenth stays free for repairs.
RUNTIME_SIZE_LIMIT: Final = 24_576
RUNTIME_SIZE_MAX: Final = RUNTIME_SIZE_LIMIT * 9 // 10

# Vyper has no overloads; a contract answers these in `__default__`, and callers find them in its ABI.
OVERLOADS: Final = {"SettlementToken": SOURCES / "interfaces" / "IAuthorizationBytes.vyi"}

# One contract in several pieces of code: calls that the first does not know run, by delegatecall, in the next, on the
# first one's storage. The first one's ABI is that of all.
CHAINS: Final = {"TradeEscrow": ("TradeFunding", "TradeAmendment", "TradePayment")}

Artifact = dict[str, Any]


class BuildError(Exception):
    """A contract cannot be built or an artifact does not match; the message says which and what to do."""


def compile_contract(name: str) -> Artifact:
    """Compile `contracts/src/<name>.vy`.

    Raises:
        BuildError: the runtime code is too large.
        VyperException: the source does not compile.
    """
    import vyper
    from vyper.compiler.output_bundle import OutputBundle

    data = _source_data(name)
    abi = _abi(data)
    sources = {item.resolved_path for item in OutputBundle(data).source_codes.values()}
    for part in CHAINS.get(name, ()):
        abi = _joined(abi, _part_abi(name, part, data))
        sources |= {item.resolved_path for item in OutputBundle(_source_data(part)).source_codes.values()}
    if name in OVERLOADS:
        abi += _abi(_compiler_data(OVERLOADS[name]))
        sources.add(OVERLOADS[name])
    # Immutables are appended when the contract is deployed; the limit counts them.
    size = len(data.bytecode_runtime) + data.global_ctx.immutable_section_bytes
    if size > RUNTIME_SIZE_MAX:
        raise BuildError(f"{name}: expected at most {RUNTIME_SIZE_MAX} bytes of runtime code, got {size}; split it")
    return {
        "name": name,
        "vyper_version": vyper.__version__,
        "evm_version": data.settings.evm_version,
        "optimize": str(data.settings.optimize),
        "source_sha256": source_hashes(sources),
        "abi": abi,
        "bytecode": "0x" + data.bytecode.hex(),
        "runtime_size": size,
    }


def _part_abi(name: str, part: str, data: Any) -> list[dict[str, Any]]:
    """Return the ABI of the code that `name` hands calls on to.

    Raises:
        BuildError: it would find other variables in the storage it runs on.
    """
    part_data = _source_data(part)
    if _storage(part_data) != _storage(data):
        raise BuildError(
            f"{part}: expected the storage layout of {name}; initialise the same modules in the same order"
        )
    return _abi(part_data)


def _storage(data: Any) -> tuple[Any, Any]:
    layout = data.storage_layout
    return layout["storage_layout"], layout["transient_storage_layout"]


def _joined(abi: list[dict[str, Any]], more: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return two ABIs as one, without what both have and without the second one's own entry points."""
    own = ("constructor", "fallback")
    return abi + [entry for entry in more if entry not in abi and entry["type"] not in own]


def source_hashes(sources: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file by its path from the repository's root; a missing file has the hash ""."""
    found = {}
    for path in sorted(sources):
        content = path.read_bytes() if path.exists() else None
        found[path.relative_to(ROOT).as_posix()] = hashlib.sha256(content).hexdigest() if content is not None else ""
    return found


def contract_names() -> list[str]:
    """Return the contracts there is source for, in order."""
    return sorted(path.stem for path in SOURCES.glob("*.vy"))


def artifact_path(name: str) -> Path:
    return ARTIFACTS / f"{name}.json"


def is_current(name: str) -> bool:
    """Tell whether the artifact exists and every source it names is unchanged."""
    path = artifact_path(name)
    if not path.exists():
        return False
    recorded: dict[str, str] = json.loads(path.read_text())["source_sha256"]
    return source_hashes(ROOT / source for source in recorded) == recorded


def build(names: Iterable[str]) -> None:
    """Compile the named contracts and write their artifacts."""
    ARTIFACTS.mkdir(exist_ok=True)
    for name in names:
        artifact = compile_contract(name)
        artifact_path(name).write_text(_as_text(artifact))
        print(f"{name}: {artifact['runtime_size']} bytes of {RUNTIME_SIZE_MAX}")


def check() -> None:
    """Compile everything and compare.

    Raises:
        BuildError: an artifact is missing, differs from what its source compiles to, or has no source.
    """
    names = contract_names()
    for name in names:
        path = artifact_path(name)
        if not path.exists() or path.read_text() != _as_text(compile_contract(name)):
            raise BuildError(f"{name}: artifact does not match its source; run scripts/build_contracts.py")
    for path in ARTIFACTS.glob("*.json"):
        if path.stem not in names:
            raise BuildError(f"{path.stem}: artifact without a source; delete {path.relative_to(ROOT)}")
    print(f"{len(names)} artifacts match their sources")


def snapshot_sizes() -> None:
    """Put every artifact's runtime size into the snapshot; gas figures stay (tests/contracts/gas.py writes those)."""
    snapshot = json.loads(SNAPSHOT.read_text()) if SNAPSHOT.exists() else {"gas": {}}
    snapshot["runtime_size"] = {
        name: json.loads(artifact_path(name).read_text())["runtime_size"] for name in contract_names()
    }
    SNAPSHOT.write_text(_as_text(snapshot))


def _source_data(name: str) -> Any:
    return _compiler_data(SOURCES / f"{name}.vy")


def _compiler_data(path: Path) -> Any:
    from vyper.compiler.input_bundle import FilesystemInputBundle
    from vyper.compiler.phases import CompilerData

    bundle = FilesystemInputBundle([SOURCES])
    return CompilerData(bundle.load_file(path), bundle)


def _abi(data: Any) -> list[dict[str, Any]]:
    from vyper.compiler.output import build_abi_output

    entries: list[dict[str, Any]] = build_abi_output(data)
    return entries


def _as_text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description="Compile the contracts, or check their artifacts.")
    parser.add_argument("names", nargs="*", help="contracts to compile even if unchanged")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if an artifact is not current")
    parser.add_argument("--snapshot", action="store_true", help="also put sizes into the snapshot")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            check()
            return 0
        build(options.names or [name for name in contract_names() if not is_current(name)])
        if options.snapshot:
            snapshot_sizes()
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
