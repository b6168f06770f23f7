"""The build of the engines: only what was made of the pinned source is kept. A script stands in for Go."""

from pathlib import Path

import pytest

from node.app.validator.engines import COMETBFT, ENGINES, RECEIPT, Engine, fault_of
from scripts import build_engines

GO = """#!/bin/sh
# `go install PACKAGE@VERSION` leaves a program; `go version -m PROGRAM` tells what it is of.
case "$1" in
install) echo "$2 $GOFLAGS" > "$GOBIN/$(basename "${2%@*}")"; chmod +x "$GOBIN/$(basename "${2%@*}")" ;;
version) echo "$3: go1.26"; grep "^$(basename "$3") " "$(dirname "$0")/sums" | cut -d' ' -f2- ;;
esac
"""


def line_of(engine: Engine, module_sum: str | None = None) -> str:
    """What `go version -m` says of a program."""
    return f"{engine.name} \tmod\t{engine.module}\t{engine.version}\t{module_sum or engine.sum}\n"


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the stand-in, first on the path."""
    folder = tmp_path / "go"
    folder.mkdir()
    (folder / "go").write_text(GO)
    (folder / "go").chmod(0o755)
    (folder / "sums").write_text("".join(map(line_of, ENGINES)))
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr("sys.argv", ["build_engines.py", "--into", str(tmp_path / "engines")])
    return folder


def test_engines_are_built_with_a_receipt_when_the_sums_fit(go: Path, tmp_path: Path) -> None:
    build_engines.main()
    folder = tmp_path / "engines"
    assert [fault_of(one, folder / one.name) for one in ENGINES] == [None, None]
    assert (folder / "geth").read_text() == "github.com/ethereum/go-ethereum/cmd/geth@v1.17.5 -trimpath\n"


def test_engines_are_left_alone_when_they_are_there(
    go: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_engines.main()
    (go / "go").unlink()
    build_engines.main()
    assert "has cometbft v0.40.0 and geth v1.17.5" in capsys.readouterr().out


def test_engine_is_built_again_when_it_was_changed(go: Path, tmp_path: Path) -> None:
    build_engines.main()
    program = tmp_path / "engines" / "geth"
    program.write_text("another")
    build_engines.main()
    assert "go-ethereum" in program.read_text()


@pytest.mark.parametrize("line", [line_of(COMETBFT, "h1:another"), "cometbft \tmod\tx\tv0.40.0\t\n", ""])
def test_build_stops_without_a_receipt_when_the_source_is_another(go: Path, tmp_path: Path, line: str) -> None:
    (go / "sums").write_text(line)
    with pytest.raises(SystemExit, match="cometbft"):
        build_engines.main()
    assert not (tmp_path / "engines" / RECEIPT).exists()


def test_build_says_what_is_missing_when_there_is_no_go(go: Path) -> None:
    (go / "go").unlink()
    with pytest.raises(SystemExit, match="expected go on the path"):
        build_engines.main()
