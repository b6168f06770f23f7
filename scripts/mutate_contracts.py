"""Plant bugs in the contracts, one at a time, and see that a test fails.

    python scripts/mutate_contracts.py --list                 what would be planted, by id
    python scripts/mutate_contracts.py --only ID              plant one bug and say what happened
    python scripts/mutate_contracts.py [--from N] [--to M]    plant all, or these places of the list; resumes
    python scripts/mutate_contracts.py --files TradePayment   the same for some sources
    python scripts/mutate_contracts.py --report               put the table into docs/testing.md

A bug changes one line of one source: a check is left out, a comparison or a second is moved, two parties are swapped, a
division rounds the other way, a call to a token happens before the books are changed, a state is another one. It is
planted in a copy of the tree; the tests that cover the source run there until one fails. Which id is which follows from
the sources alone. The results lie in `docs/mutations.json`, with the hash of the line they are about: a result whose
line has changed is not counted, and the bug is planted again. `EQUIVALENT` says why a bug is none.
"""

import argparse
import fcntl
import gc
import hashlib
import importlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "docs" / "mutations.json"
LOCK: Final = ROOT / ".cache" / "mutations.lock"
PAGE: Final = ROOT / "docs" / "testing.md"
TABLE_START, TABLE_END = "<!-- mutations -->\n", "<!-- end of mutations -->\n"

TESTS: Final[dict[str, list[str]]] = {
    "TradeEscrow": ["milestones", "waive", "assign", "funding", "messages", "closing", "purposes", "reentrancy"],
    "TradeFunding": ["funding", "lock", "float", "messages", "purposes"],
    "TradeAmendment": ["amend", "assign", "funding", "purposes"],
    "TradePayment": ["closing", "float", "lock", "reprice", "last_resort", "options", "waive", "assign", "reentrancy"],
    "trade_consents": ["messages", "assign", "funding", "milestones", "closing", "options"],
    "trade_fx": ["float", "reprice", "last_resort", "lock", "waive", "amend"],
    "trade_money": ["closing", "lock", "waive", "float", "last_resort"],
    "trade_states": ["milestones", "closing", "waive", "reprice", "options", "assign", "last_resort", "lock"],
    "trade_terms": ["funding", "purposes", "float", "lock", "amend", "milestones", "options", "assign"],
}
"""Which `test_trade_escrow_*` cover a source of the escrow, the most telling first."""

OTHER_TESTS: Final[dict[str, list[str]]] = {
    "FxOracle": ["test_fx_oracle"],
    "FxSettlement": ["test_fx_settlement", "test_trade_escrow_lock", "test_trade_escrow_funding"],
    "Governance": ["test_governance_*"],
    "members": ["test_governance_proposals"],
    "proposals": ["test_governance_proposals"],
    "validator_set": ["test_governance_validators"],
    "ParticipantRegistry": ["test_participant_registry*"],
    "transaction_keys": ["test_participant_registry_keys"],
    "wallets": ["test_participant_registry*", "test_settlement_token_purposes"],
    "checks": ["test_trade_escrow_funding"],
    "network": ["test_trade_escrow_funding"],
    "SettlementToken": ["test_settlement_token_*"],
    "accounts": ["test_settlement_token_*"],
    "consent": ["test_settlement_token_signatures", "test_settlement_token_holds"],
    "eip712": ["test_settlement_token_signatures", "test_trade_escrow_funding"],
    "flow_window": ["test_settlement_token_limits"],
    "freezes": ["test_settlement_token_freezes"],
    "holds": ["test_settlement_token_holds", "test_settlement_token_freezes", "test_settlement_token_limits"],
    "issuance": ["test_settlement_token_issuance"],
    "signatures": ["test_settlement_token_signatures", "test_trade_escrow_messages"],
}

# Why a bug changes nothing anyone could see: source, kind, and the words that would stand there.
EQUIVALENT: Final[dict[tuple[str, str, str], str]] = {
    (
        "TradeEscrow",
        "order",
        "trade_money._give_back(trade.funding_token, trade_states.fx_legs[trade_id].hold, freed - "
        "fee) trade_states.slices[trade_id][index] = ITradeEscrow.FundingSlice( amount=kept, "
        "target=trade_fx._scaled_up(slice_.target, left, left + waived) )",
    ): (
        "no call gets in between: one lock covers all pieces of the escrow, as test_trade_escrow_reentrancy.py shows; "
        "only events come in another order"
    ),
}

SWAPS: Final = (
    ("rounding", r"_ceil_div\(", "_floor_div("),
    ("rounding", r"_scaled_up\(", "_scaled_down("),
    ("rounding", r"(?<== )([\w.\[\]]+ \* [\w.\[\]]+) // BPS", r"(\1 + BPS - 1) // BPS"),
    ("rounding", r"\+ by - 1\b|\+ quote\.rate_num - 1\b", "+ 0"),
    ("state", r"trade_states\.PENDING", "trade_states.DUE"),
    ("state", r"trade_states\.DUE\b", "trade_states.PENDING"),
    ("state", r"trade_states\.FINAL", "trade_states.DUE"),
    ("state", r"trade_states\.SETTLED", "trade_states.FINAL"),
    ("state", r"\.state (==|=|!=) PENDING\b", r".state \1 DUE"),
    ("state", r"\.state (==|=|!=) (DUE|FINAL|SETTLED)\b", r".state \1 PENDING"),
    ("state", r"\.state (==|=|!=) DISPUTED\b", r".state \1 DUE"),
    ("party", r"\btrade\.importer\b", "trade.exporter"),
    ("party", r"\btrade\.exporter\b", "trade.importer"),
    ("party", r"\bterms\.importer\b", "terms.exporter"),
    ("party", r"\bterms\.exporter\b", "terms.importer"),
    ("party", r"trade_states\._holder\(trade, record\)", "trade.exporter"),
    ("party", r"\bquote\.provider\b", "quote.taker"),
    ("party", r"\bfx\.provider\b", "trade.importer"),
    ("party", r"\bhold\.owner\b", "hold.notary"),
    ("party", r"\bmsg\.sender == ", "tx.origin == "),
    ("comparison", r" <= ", " < "),
    ("comparison", r" >= ", " > "),
    ("comparison", r" == ", " != "),
    ("comparison", r" != ", " == "),
    ("comparison", r" < ", " <= "),
    ("comparison", r" > ", " >= "),
    ("sign", r"BPS - (?=terms)", "BPS + "),
    ("sign", r"BPS \+ (?=terms)", "BPS - "),
    ("second", r"block\.timestamp (?=[<>]=? )", "block.timestamp + 1 "),
    ("second", r"block\.timestamp - 1", "block.timestamp"),
)
"""Kind, what is looked for in a line of code, and what takes its place; every occurrence is one bug."""

# Rounding the other way, put beside the functions of trade_fx.vy in the copy; nothing but a planted bug calls them.
ROUNDED_DOWN: Final = """

@internal
@pure
def _floor_div(number: uint256, by: uint256) -> uint256:
    return number // by


@internal
@pure
def _scaled_down(slice_: uint256, part: uint256, whole: uint256) -> uint256:
    return slice_ * part // whole
"""

# The first failure is enough, and nobody reads it; what only makes a failure readable is left out.
PYTEST: Final = [
    "-x",
    "-q",
    "--tb=no",
    "--assert=plain",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "-p",
    "no:unraisableexception",
]

CHECK: Final = re.compile(r"^\s+(checks\._require\(|assert )")
STORE: Final = re.compile(r"^\s+(self|trade_states|accounts|record|slice_|fx)(\.\w+|\[[^]]*\])+ [-+]?= ")


@dataclass(frozen=True)
class Mutant:
    """One planted bug: lines `first` to `last` (from 0) of `source` become `text`."""

    source: Path
    first: int
    last: int
    kind: str
    place: int
    before: str
    text: str

    @property
    def id(self) -> str:
        """`file:line kind`, with a number where a line has several bugs of a kind."""
        return f"{self.source.stem}:{self.first + 1}:{self.kind}:{self.place}"

    @property
    def fingerprint(self) -> str:
        """What the result is about: the lines before and after."""
        return hashlib.sha256(f"{self.before}\0{self.text}".encode()).hexdigest()[:16]

    @property
    def function(self) -> str:
        """Name of the function that it is in."""
        above = self.source.read_text().split("\n")[: self.first]
        return next(line[4:].split("(")[0] for line in reversed(above) if line.startswith("def "))

    def reason(self) -> str | None:
        """Why it is no bug, if so."""
        return EQUIVALENT.get((self.source.stem, self.kind, " ".join(self.text.split())))


def sources() -> list[Path]:
    """Return the contracts and their modules, escrow first."""
    found = sorted((ROOT / "contracts" / "src").glob("*.vy")) + sorted((ROOT / "contracts/src/modules").glob("*.vy"))
    return sorted(found, key=lambda path: (not path.stem.lower().startswith("trade"), path.stem))


def mutants_of(source: Path) -> list[Mutant]:
    """Return the bugs to plant in a source, in order."""
    lines = source.read_text().split("\n")
    found = [mutant for first, last in _statements(lines) for mutant in _mutants_at(source, lines, first, last)]
    counts: Counter[tuple[int, str]] = Counter()
    numbered = []
    for mutant in found:
        counts[mutant.first, mutant.kind] += 1
        place = counts[mutant.first, mutant.kind]
        numbered.append(
            Mutant(mutant.source, mutant.first, mutant.last, mutant.kind, place, mutant.before, mutant.text)
        )
    return numbered


def _statements(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield first and last line of each statement inside a function; brackets join lines."""
    inside = documented = False
    first, depth = 0, 0
    for number, line in enumerate(lines):
        if line.startswith(("def ", "@")):
            inside, depth = True, line.count("(") - line.count(")")
            continue
        elif line and not line.startswith((" ", ")", "#")):
            inside = False
        if '"""' in line:
            documented ^= line.count('"""') == 1
            continue
        code = line.split("#")[0]
        if not inside or documented or not code.strip():
            continue
        if not line.startswith(" "):
            depth = 0  # the end of a function's parameters
            continue
        first = number if depth == 0 else first
        depth += sum(code.count(mark) for mark in "([{") - sum(code.count(mark) for mark in ")]}")
        if depth <= 0:
            depth = 0
            yield first, number


def _mutants_at(source: Path, lines: list[str], first: int, last: int) -> Iterator[Mutant]:
    statement = "\n".join(lines[first : last + 1])
    if re.match(r"^\s+log ", statement):
        return
    indent = " " * (len(statement) - len(statement.lstrip()))

    def mutant(kind: str, text: str, end: int = last, before: str = statement) -> Mutant:
        return Mutant(source, first, end, kind, 0, before, text)

    if CHECK.match(statement):
        yield mutant("check", f"{indent}pass")
    if STORE.match(statement):
        yield mutant("store", f"{indent}pass")
    code = re.sub(r'"[^"]*"', lambda found: "\1" * len(found.group()), statement)
    for kind, pattern, other in SWAPS:
        if CHECK.match(statement) and pattern in (" == ", " != "):
            continue  # the opposite of a check refuses what every test does
        for found in re.finditer(pattern, code):
            yield mutant(kind, statement[: found.start()] + found.expand(other) + statement[found.end() :])
    following = next(((a, b) for a, b in _statements(lines[: last + 30]) if a > last), None)
    books = STORE.match(statement) or re.match(r"^\s+trade_states\._(store|settle|refund_rest)\(", statement)
    if books and following and following[0] == last + 1:
        after = "\n".join(lines[following[0] : following[1] + 1])
        if re.match(rf"^{indent}(extcall|trade_money\._(give_back|pay|release_all)\()", after):
            yield mutant("order", f"{after}\n{statement}", following[1], f"{statement}\n{after}")


def covering(source: Path, function: str = "") -> list[str]:
    """Return the tests that cover a source: those that call the function the most first, then the most telling."""
    names = [f"test_trade_escrow_{name}" for name in TESTS.get(source.stem, [])] or OTHER_TESTS.get(source.stem, [])
    folder = ROOT / "tests" / "contracts"
    paths = [path for name in names for path in sorted(folder.glob(f"{name}.py")) if not path.stem.endswith("_gas")]
    paths.sort(key=lambda path: -path.read_text().count(f".{function}("))
    return [path.relative_to(ROOT).as_posix() for path in paths]


def reached_functions(deployer: Any) -> set[tuple[str, int, int]]:
    """Return file, first and last line of every function that a contract's calls can reach."""
    module = deployer.compiler_data.global_ctx
    entries = [*module.exposed_functions, *filter(None, [module.init_function])]
    trees = {called.ast_def for entry in entries for called in (entry, *entry.reachable_internal_functions)}
    return {(Path(tree.module_node.resolved_path).name, tree.lineno, tree.end_lineno) for tree in trees if tree.lineno}


class Bench:
    """A copy of the tree with the contracts compiled; each mutant runs in a child that starts from there."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="landfall-mutants-"))
        ignored = shutil.ignore_patterns("__pycache__", "node_modules", "artifacts")
        for name in ("contracts", "tests"):
            shutil.copytree(ROOT / name, self.folder / name, ignore=ignored)
        for name in ("pyproject.toml", "bridge", "fx", "node", "pqc", "scripts", "contracts/artifacts"):
            (self.folder / name).symlink_to(ROOT / name)
        with (self.folder / "contracts/src/modules/trade_fx.vy").open("a") as module:
            module.write(ROUNDED_DOWN)
        os.chdir(self.folder)
        sys.path.insert(0, str(self.folder))
        self.support: ModuleType = importlib.import_module("tests.contracts.support")
        importlib.import_module("pytest")
        self.deployers: dict[Path, Any] = {}
        for path in [
            *(self.folder / "contracts/src").glob("*.vy"),
            *(self.folder / "tests/contracts/helpers").glob("*.vy"),
        ]:
            deployer = self.support.boa.load_partial(str(path))
            _ = (
                deployer.compiler_data.bytecode,
                deployer.compiler_data.bytecode_runtime,
                deployer.compiler_data.source_map,
            )
            self.deployers[path] = deployer
        # Compiled artifacts come back from the cache without their syntax trees.
        self.support.boa.interpret.disable_cache()
        self.reached = {
            path: reached_functions(self.support.boa.load_partial(str(path)))
            for path in (self.folder / "contracts/src").glob("*.vy")
        }
        # What the children start from is never garbage to them.
        gc.freeze()

    def close(self) -> None:
        os.chdir(ROOT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, mutant: Mutant | None, tests: list[str], seconds_max: int) -> str:
        """Plant a bug, run tests until one fails; return `killed`, `survived`, `refused` (no contract) or `timeout`."""
        path = self.folder / mutant.source.relative_to(ROOT) if mutant else None
        whole = path.read_text() if path else ""
        if mutant and path:
            lines = whole.split("\n")
            lines[mutant.first : mutant.last + 1] = mutant.text.split("\n")
            path.write_text("\n".join(lines))
        try:
            child = os.fork()
            if child == 0:
                self._run_child(mutant, tests, seconds_max)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        finally:
            if path:
                path.write_text(whole)
        return {0: "survived", 1: "killed", 90: "refused", -14: "timeout"}.get(status, f"error {status}")

    def _contracts_with(self, mutant: Mutant) -> list[Path]:
        """Return the contracts whose calls reach the line that a bug is in; the others stay as they are."""
        place = (mutant.source.name, mutant.first + 1)
        return [
            path
            for path, functions in self.reached.items()
            if any(name == place[0] and first <= place[1] <= last for name, first, last in functions)
        ]

    def _run_child(self, mutant: Mutant | None, tests: list[str], seconds_max: int) -> None:
        """Compile what the bug is in, let pytest run, leave with its status."""
        import signal

        status = 91
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(seconds_max)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            fresh = dict(self.deployers)
            for path in self._contracts_with(mutant) if mutant else []:
                try:
                    fresh[path] = self.support.boa.load_partial(str(path))
                    _ = fresh[path].compiler_data.bytecode
                except Exception:  # noqa: BLE001  whatever the compiler says, this is no contract
                    os._exit(90)
            # Helpers and contracts alike: nothing else is compiled in the child.
            vars(self.support)["_deployer"] = lambda path: fresh[Path(path)]
            import pytest

            status = int(pytest.main([*PYTEST, *tests]))
        finally:
            os._exit(status)


# Results -------------------------------------------------------------------------------------------------------------


def load_results() -> dict[str, dict[str, str]]:
    """Return what happened so far, by id."""
    results: dict[str, dict[str, str]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return results


def save_result(name: str, outcome: str, fingerprint: str, text: str = "") -> None:
    """Add one result; several runs may write, one at a time."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        results = load_results()
        results[name] = {"outcome": outcome, "fingerprint": fingerprint, "text": " ".join(text.split())}
        written = RESULTS.with_suffix(".tmp")
        written.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
        written.replace(RESULTS)


def check_sound(bench: Bench, source: Path, seconds_max: int) -> None:
    """Run a source's tests without a bug, once for these sources and tests; else a kill would prove nothing.

    Raises:
        SystemExit: a test fails as it is.
    """
    tests = covering(source)
    read = [*sources(), *(ROOT / name for name in tests), *(ROOT / "tests" / "contracts").glob("[!t]*.py")]
    fingerprint = hashlib.sha256(b"\0".join(path.read_bytes() for path in sorted(read))).hexdigest()[:16]
    name = f"{source.stem}:unchanged"
    if load_results().get(name, {}).get("fingerprint") == fingerprint:
        return
    outcome = bench.run(None, tests, seconds_max)
    if outcome != "survived":
        raise SystemExit(f"{name}: expected every test to pass without a bug, got {outcome}; see {' '.join(tests)}")
    save_result(name, "passed", fingerprint)


def outcome_of(mutant: Mutant, results: dict[str, dict[str, str]]) -> str | None:
    """Return what happened to a bug, None if it was not planted as it is now."""
    result = results.get(mutant.id)
    return result["outcome"] if result and result["fingerprint"] == mutant.fingerprint else None


def table(mutants: list[Mutant]) -> str:
    """Return the table of the page: per source what was planted, killed and survived."""
    results = load_results()
    rows = ["| source | kinds | planted | killed | no contract | survived | not run |", "|---|---|---|---|---|---|---|"]
    notes = []
    for source in dict.fromkeys(mutant.source for mutant in mutants):
        own = [mutant for mutant in mutants if mutant.source == source]
        outcomes = Counter(outcome_of(mutant, results) or "not run" for mutant in own)
        run = [mutant for mutant in own if outcome_of(mutant, results)]
        killed = outcomes["killed"] + outcomes["timeout"]
        cells = [len(run), killed, outcomes["refused"], outcomes["survived"], outcomes["not run"]]
        rows.append(
            f"| `{source.stem}` | {len({mutant.kind for mutant in run})} | " + " | ".join(map(str, cells)) + " |"
        )
        for mutant in own:
            if outcome_of(mutant, results) == "survived":
                words = " ".join(mutant.text.split())
                notes.append(f"- `{mutant.id}`: `{words[:110]}`: {mutant.reason() or 'open: no test sees it'}")
    return "\n".join([*rows, "", "Survivors:", "", *(notes or ["- none of those planted"])]) + "\n"


def report(mutants: list[Mutant]) -> None:
    """Put the table into the page."""
    text = PAGE.read_text()
    head, rest = text.split(TABLE_START)
    _, tail = rest.split(TABLE_END)
    PAGE.write_text(head + TABLE_START + table(mutants) + TABLE_END + tail)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status is 1 if a bug survived that has no reason to."""
    parser = argparse.ArgumentParser(description="Plant bugs in the contracts and see that a test fails.")
    parser.add_argument("--list", action="store_true", help="print ids and lines, plant nothing")
    parser.add_argument("--report", action="store_true", help="write the table of docs/testing.md, plant nothing")
    parser.add_argument("--only", metavar="ID", help="plant this one, run or not")
    parser.add_argument("--files", nargs="+", default=[], help="sources by name, without ending")
    parser.add_argument("--kinds", nargs="+", default=[], help="kinds of bugs, all if none is named")
    parser.add_argument(
        "--from", dest="first", type=int, default=0, metavar="N", help="first place of the list, from 0"
    )
    parser.add_argument("--to", dest="end", type=int, default=None, metavar="M", help="place after the last")
    parser.add_argument("--step", type=int, default=1, help="every so many of them only")
    parser.add_argument("--seconds", type=int, default=600, help="longest run of one bug's tests")
    options = parser.parse_args(arguments)
    everything = [mutant for source in sources() for mutant in mutants_of(source)]
    if options.report:
        report(everything)
        return 0
    chosen = [mutant for mutant in everything if not options.files or mutant.source.stem in options.files]
    chosen = [mutant for mutant in chosen if not options.kinds or mutant.kind in options.kinds]
    chosen = chosen[options.first : options.end : options.step]
    if options.only:
        chosen = [mutant for mutant in everything if mutant.id == options.only]
    if options.list:
        for place, mutant in enumerate(chosen):
            print(f"{place:5} {mutant.id:40} {' '.join(mutant.text.split())[:120]}")
        return 0
    results = load_results()
    todo = [mutant for mutant in chosen if options.only or outcome_of(mutant, results) in (None, "timeout")]
    bench, survivors = Bench(), 0
    try:
        for mutant in todo:
            check_sound(bench, mutant.source, 6 * options.seconds)
            outcome = bench.run(mutant, covering(mutant.source, mutant.function), options.seconds)
            save_result(mutant.id, outcome, mutant.fingerprint, mutant.text)
            survivors += outcome == "survived" and mutant.reason() is None
            print(f"{outcome:9} {mutant.id:40} {' '.join(mutant.text.split())[:120]}", flush=True)
    finally:
        bench.close()
    return 1 if survivors else 0


if __name__ == "__main__":
    raise SystemExit(main())
