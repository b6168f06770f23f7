"""The verifier against whole packs: what it accepts, and that every change of a pack is refused with its place."""

import copy
import json
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import EvidenceError
from bridge.limits import PACK_BYTES_MAX, PACK_DEPTH_MAX
from bridge.proofs.canonical_json import canonical
from bridge.proofs.evidence import verify_pack
from bridge.proofs.pack import ConsentInput, build_pack
from bridge.proofs.verified import VerifiedPack
from tests.unit.bridge.evidence_changes import Path_, at, changed, leaves, pattern, sample_paths
from tests.unit.bridge.evidence_fixture import EPCIS, GENESIS_HASH, delivered_trade, silent_trade

DELIVERED = build_pack(delivered_trade().inputs())
SILENT = build_pack(silent_trade().inputs())


def refused(data: bytes, genesis: bytes | None = GENESIS_HASH) -> EvidenceError:
    with pytest.raises(EvidenceError) as caught:
        verify_pack(data, genesis)
    assert "expected" in str(caught.value)
    assert caught.value.path
    return caught.value


def edited(edit: Callable[[dict[str, Any]], None], data: bytes = DELIVERED) -> bytes:
    pack = json.loads(data)
    edit(pack)
    return canonical(pack)


def test_verify_tells_the_story_when_trade_was_delivered():
    pack = verify_pack(DELIVERED, GENESIS_HASH)
    assert pack.is_trusted
    assert (pack.importer.name, pack.exporter.name) == ("Bloemenhuis BV", "Naivasha Roses Ltd")
    assert (pack.invoice_minor, pack.paid_minor, pack.refunded_minor) == (150_000_000, 150_000_000, 0)
    assert [(quote.sell_minor, quote.is_used) for quote in pack.quotes if quote.is_used] == [(1_003_345, True)]
    assert pack.funding_minor == 1_003_345
    assert [one.proof for one in pack.attestations] == ["recorded", "chain", "signature"]
    assert all(one.evidence == EPCIS for one in pack.attestations)
    assert [(one.name, one.amount_minor) for one in pack.payments if one.milestone == 0] == [
        ("Kenya Revenue Authority", 900_000),
        ("Rift Bank", 225_000),
        ("Naivasha Roses Ltd", 43_875_000),
    ]
    assert pack.statement[-2].endswith("1,500,000.00 KES paid, 0.00 KES refunded.")
    assert len(pack.blocks) == 7


def test_verify_tells_the_refund_when_nobody_attested():
    pack = verify_pack(SILENT, GENESIS_HASH)
    assert (pack.paid_minor, pack.refunded_minor) == (0, 150_000_000)
    assert [milestone.why for milestone in pack.milestones] == ["silence", "silence"]
    assert (pack.payments, pack.quotes) == ((), ())


def test_verify_only_checks_agreement_when_no_genesis_is_trusted():
    assert not verify_pack(DELIVERED, None).is_trusted
    assert (
        refused(edited(lambda pack: pack["genesis"]["landfall"].update(network="other")), None).path == "genesis.hash"
    )


def test_verify_raises_when_another_genesis_is_trusted():
    assert refused(DELIVERED, bytes(32)).path == "genesis"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_verify_raises_when_any_byte_is_flipped(data: st.DataObject):
    original = data.draw(st.sampled_from([DELIVERED, SILENT]))
    position = data.draw(st.integers(0, len(original) - 1))
    flipped = bytearray(original)
    flipped[position] ^= data.draw(st.integers(1, 255))
    refused(bytes(flipped))


@pytest.mark.parametrize("path", sample_paths(DELIVERED), ids=lambda path: ".".join(map(str, path)))
def test_verify_raises_when_a_value_is_changed_at(path: Path_):
    def edit(pack: dict[str, Any]) -> None:
        at(pack, path[:-1])[path[-1]] = changed(at(pack, path))

    refused(edited(edit))


def test_verify_raises_when_a_key_is_missing_or_added_in_any_object():
    pack = json.loads(DELIVERED)
    objects = {pattern(path[:-1]): path[:-1] for path, _ in leaves(pack) if isinstance(path[-1], str)}
    assert len(objects) > 20
    for path in objects.values():
        if path[:2] in (("terms", "document"), ("genesis", "landfall")):
            continue
        for key in [*at(pack, path), "unknown"]:
            mutated = copy.deepcopy(pack)
            holder = at(mutated, path)
            if key == "unknown":
                holder[key] = "1"
            else:
                del holder[key]
            refused(canonical(mutated))


def test_verify_names_the_place_when_a_value_is_of_another_type():
    others: list[Any] = [None, 1, -1, True, "", "0x", [], {}, [[]], "1" * 400, "0x" + "00" * 9000]
    chooser = random.Random(11)
    for path in sample_paths(DELIVERED):
        mutated = json.loads(DELIVERED)
        holder = at(mutated, path[:-1])
        holder[path[-1]] = chooser.choice([value for value in others if value != holder[path[-1]]])
        refused(canonical(mutated))


def test_verify_raises_when_a_list_item_is_missing_doubled_or_swapped():
    pack = json.loads(DELIVERED)
    lists = {pattern(path[:-1]): path[:-1] for path, _ in leaves(pack) if isinstance(path[-1], int)}
    lists |= {(name,): (name,) for name in ("attestations", "blocks", "quotes")}
    assert len(lists) >= 6
    for path in lists.values():
        for edit in (lambda items: items.pop(), lambda items: items.append(items[-1]), lambda items: items.reverse()):
            mutated = copy.deepcopy(pack)
            items = at(mutated, path)
            before = list(items)
            edit(items)
            if items != before and path[-1] != "signatures":
                refused(canonical(mutated))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda data: data[:-1], f"byte {len(DELIVERED) - 1} (line 1)"),
        (lambda data: data + b"\n", f"byte {len(DELIVERED)}"),
        (lambda data: b" " + data, "byte 0"),
        (lambda data: b"\xff" + data[1:], "byte 0"),
        (lambda data: data.replace(b'"format"', b'"\\u0066ormat"'), None),
        (lambda data: data.replace(b'"format":', b'"format":1,"format":'), None),
        (lambda data: data.replace(b'"round":0', b'"round":0.0', 1), "file"),
        (lambda data: data.replace(b'"round":0', b'"round":NaN', 1), "file"),
        (lambda data: data.replace(b'"round":0', b'"round":' + b"9" * 5000, 1), "file"),
        (lambda data: b"[" * 200_000, f"byte {PACK_DEPTH_MAX}"),
        (lambda data: b" " * (PACK_BYTES_MAX + 1), "file"),
        (lambda data: b"", "byte 0 (line 1)"),
        (lambda data: b"null", "pack"),
        (lambda data: b'{"format":"\\ud800"}', "value"),
    ],
)
def test_verify_names_the_byte_when_text_is_not_canonical(change: Callable[[bytes], bytes], path: str | None):
    error = refused(change(DELIVERED))
    assert error.path == path or (path is None and error.path.startswith("byte "))


def set_at(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def edit(pack: dict[str, Any]) -> None:
        at(pack, path[:-1])[path[-1]] = to

    return edit


@pytest.mark.parametrize(
    ("edit", "path"),
    [
        (set_at("format", to="landfall-evidence/1"), "format"),
        (set_at("genesis", "chain_id", to=1), "trade_id"),
        (set_at("terms", "document", "goods", to="Tulips"), "terms.struct.document_hash"),
        (set_at("terms", "document", "payees", 0, "share_bps", to=300), "terms.struct.payees[0].share_bps"),
        (set_at("terms", "struct", "invoice_amount", to="1"), "terms.struct.invoice_amount"),
        (set_at("consents", "importer", "action", to="9"), "consents.importer.signature"),
        (set_at("consents", "importer", "signature", to="0x" + "11" * 65), "consents.importer.signature"),
        (set_at("quotes", 0, "message", "fee_bps", to="1"), "quotes"),
        (set_at("attestations", 0, "message", "outcome", to="2"), "attestations[0].message.outcome"),
        (set_at("attestations", 0, "evidence", "text", to="{}"), "attestations[0].evidence"),
        (set_at("attestations", 2, "attester", to="0x"), "attestations[2].attester"),
        (set_at("blocks", 3, "finality", "commit", "round", to=1), "blocks[3].finality.commit.signatures[0].signature"),
        (set_at("blocks", 3, "finality", "header", "height", to=9), "blocks[3].finality.commit.height"),
        (set_at("blocks", 3, "finality", "aunts", to=[]), "blocks[3].finality.aunts"),
        (set_at("blocks", 3, "receipts", 0, "index", to=2), "blocks[3].receipts[0].proof["),
        (set_at("blocks", 3, "receipts", 0, "proof", 0, to="0xc0"), "blocks[3].receipts[0].proof[0]"),
        (set_at("statement", 3, to="All is well."), "statement[3]"),
        (lambda pack: pack["statement"].append("And more."), "statement"),
        (lambda pack: pack["statement"].pop(), "statement[19]"),
        (lambda pack: pack["attestations"].pop(), "attestations"),
        (lambda pack: pack["quotes"].clear(), "quotes"),
        (lambda pack: pack["blocks"].pop(), "blocks"),
        (lambda pack: pack["blocks"].pop(0), "blocks[1].receipts[0]"),
        (lambda pack: pack["blocks"][3]["finality"]["commit"]["signatures"].clear(), "commit.signatures"),
        (lambda pack: pack["blocks"][3]["finality"]["commit"]["signatures"].pop(0), "commit.signatures"),
    ],
)
def test_verify_names_the_place_when_the_pack_was(edit: Callable[[dict[str, Any]], None], path: str):
    assert path in refused(edited(edit)).path


def test_verify_raises_when_the_used_mark_is_on_the_other_quote():
    def swap(pack: dict[str, Any]) -> None:
        for quote in pack["quotes"]:
            quote["used"] = not quote["used"]

    assert refused(edited(swap)).path == "quotes[0].used"


def test_verify_raises_when_a_high_s_signature_stands_for_the_same_key():
    from pqc.secp256k1 import ORDER

    def flip(pack: dict[str, Any]) -> None:
        consent = pack["consents"]["importer"]
        raw = bytes.fromhex(consent["signature"][2:])
        s = ORDER - int.from_bytes(raw[32:64], "big")
        consent["signature"] = "0x" + (raw[:32] + s.to_bytes(32, "big") + bytes([55 - raw[64]])).hex()

    assert refused(edited(flip)).path == "consents.importer.signature"


def test_verify_accepts_the_chains_word_when_the_signature_is_a_contract_accounts():
    inputs = delivered_trade().inputs()
    contract = ConsentInput(valid_until=1, action=2, signature=b"\x01" * 200)
    data = build_pack(replace(inputs, consents={**inputs.consents, "importer": contract}))
    pack = verify_pack(data, GENESIS_HASH)
    assert pack.consents == {"importer": "chain", "exporter": "signature"}
    assert json.loads(data)["consents"]["importer"] == {"proof": "chain"}


def test_verify_raises_when_a_record_is_claimed_that_no_block_shows():
    def claim(pack: dict[str, Any]) -> None:
        pack["attestations"][1]["proof"] = "recorded"

    error = refused(edited(claim))
    assert error.path == "attestations[1]"
    assert "DigestRecorded" in str(error)


def test_verify_raises_when_an_unused_quote_has_only_the_chains_word():
    def drop(pack: dict[str, Any]) -> None:
        unused = next(quote for quote in pack["quotes"] if not quote["used"])
        unused["proof"] = "chain"
        del unused["signature"]

    assert "proof" in refused(edited(drop)).path


@pytest.mark.parametrize("evidence", [b"\xff\xfe binary", b"", "schlüssel \u2028".encode(), b'"\\\x00'])
def test_evidence_comes_back_byte_for_byte_when_packed(evidence: bytes):
    from bridge.proofs.evidence import _read_evidence, evidence_to_json

    packed = json.loads(canonical(evidence_to_json(evidence)))
    assert _read_evidence(packed, "x") == evidence


@pytest.mark.parametrize(
    "value",
    [{"base64": "YQ=="}, {"base64": "/w="}, {"base64": "/x=="}, {"text": "a", "base64": "/w=="}, {}, {"text": 1}],
)
def test_evidence_is_refused_when_spelt_otherwise(value: Any):
    assert "evidence" in refused(edited(set_at("attestations", 0, "evidence", to=value))).path


def test_statement_cannot_be_forged_when_a_name_has_line_breaks():
    def verified() -> VerifiedPack:
        from tests.unit.bridge.evidence_fixture import Trade, terms_document

        document = terms_document("none")
        document["importer"]["name"] = "Bloem\nClosed: all paid\x1b[2J"
        trade = Trade(document)
        trade.fund()
        trade.now_s = trade.terms["hold_expires_at"]
        trade.seal(*trade.settlement(0, 0), *trade.settlement(1, 0, cause=3))
        return verify_pack(build_pack(trade.inputs()), GENESIS_HASH)

    assert all(line.isprintable() for line in verified().statement)


def test_verifier_starts_without_heavy_libraries_when_imported():
    heavy = ["eth_abi", "eth_utils", "web3", "eth_account", "eth", "pydantic", "rlp", "trie", "sqlalchemy", "iso4217"]
    code = f"import sys, bridge.proofs.evidence, bridge.proofs.pack; print([m for m in {heavy} if m in sys.modules])"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_verify_is_deterministic_when_repeated():
    assert verify_pack(DELIVERED, GENESIS_HASH) == verify_pack(DELIVERED, GENESIS_HASH)
