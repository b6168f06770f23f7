"""Where the engines are looked for, and whether they are what was built."""

import json
from pathlib import Path

import pytest

from node.app.errors import EngineMissingError
from node.app.validator import engines
from node.app.validator.engines import COMETBFT, ENGINES, GETH, RECEIPT, VARIABLE, fault_of, find_engine, write_receipt


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(engines, "BUILT", tmp_path / "built")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.delenv(VARIABLE, raising=False)


def install(folder: Path) -> Path:
    """Put programs into a folder."""
    folder.mkdir()
    for one in ENGINES:
        (folder / one.name).write_text(f"#!/bin/sh\n# {one.name}\n")
        (folder / one.name).chmod(0o755)
    return folder


def test_engine_is_taken_from_the_first_place_that_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [install(tmp_path / name) for name in ("path", "built", "variable", "given")]
    found = [find_engine(GETH).parent]
    monkeypatch.setenv(VARIABLE, str(places[2]))
    found += [find_engine(GETH).parent, find_engine(GETH, places[3]).parent]
    assert found == [places[1], places[2], places[3]]


def test_engine_is_taken_from_path_when_none_was_built(tmp_path: Path) -> None:
    folder = install(tmp_path / "path")
    assert find_engine(COMETBFT) == folder / "cometbft"


def test_engine_is_missing_with_how_to_get_it_when_nowhere() -> None:
    with pytest.raises(EngineMissingError, match=r"cometbft: expected v0\.40\.0 .*make engines"):
        find_engine(COMETBFT)


def test_engine_is_missing_when_the_given_folder_has_none_even_if_path_has(tmp_path: Path) -> None:
    install(tmp_path / "path")
    with pytest.raises(EngineMissingError, match="elsewhere"):
        find_engine(GETH, tmp_path / "elsewhere")


def test_program_is_good_when_its_receipt_fits(tmp_path: Path) -> None:
    folder = install(tmp_path / "built")
    write_receipt(folder)
    assert [fault_of(one, folder / one.name) for one in ENGINES] == [None, None]


def test_program_is_at_fault_when_it_was_changed_after_it_was_built(tmp_path: Path) -> None:
    folder = install(tmp_path / "built")
    write_receipt(folder)
    (folder / "geth").write_text("another")
    assert "it was changed" in str(fault_of(GETH, folder / "geth"))
    assert fault_of(COMETBFT, folder / "cometbft") is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"version": "v1.17.4"}, "expected v1.17.5, got v1.17.4"),
        ({"sum": "h1:another"}, "expected v1.17.5"),
        ({"version": None}, "expected v1.17.5, got None"),
    ],
)
def test_program_is_at_fault_when_it_was_built_from_another_source(
    tmp_path: Path, change: dict[str, str], fault: str
) -> None:
    folder = install(tmp_path / "built")
    write_receipt(folder)
    receipt = json.loads((folder / RECEIPT).read_text())
    receipt["geth"] |= change
    (folder / RECEIPT).write_text(json.dumps(receipt))
    assert fault in str(fault_of(GETH, folder / "geth"))


@pytest.mark.parametrize("receipt", [None, "", "[]", "{}", '{"geth": 1}', "{" * 70_000])
def test_program_is_at_fault_when_its_receipt_is_missing_or_malformed(tmp_path: Path, receipt: str | None) -> None:
    folder = install(tmp_path / "built")
    if receipt is not None:
        (folder / RECEIPT).write_text(receipt)
    assert "expected a receipt" in str(fault_of(GETH, folder / "geth"))
