import json
from pathlib import Path
from typing import Any

import pytest
import rlp as reference_rlp
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from bridge.errors import InvalidProofError
from bridge.limits import PROOF_NODE_BYTES_MAX, PROOF_NODES_MAX
from bridge.proofs import rlp
from bridge.proofs.receipts import decode_receipt, encode_receipt, prove_receipt, receipts_root, verify_receipt

VECTORS = Path(__file__).parents[2] / "vectors" / "execution-apis"


def geth_receipts() -> list[dict[str, Any]]:
    lines = (VECTORS / "get-block-receipts-latest.io").read_text().splitlines()
    return json.loads(next(line[3:] for line in lines if line.startswith("<< ")))["result"]


def geth_header() -> list[bytes]:
    return reference_rlp.decode(bytes.fromhex((VECTORS / "block-45-header.hex").read_text()))


def fake_receipt(index: int, size: int = 0) -> bytes:
    return rlp.encode([b"\x01", rlp.encode_int(index + 1), bytes(256), [[bytes(20), [], bytes(size)]]])


def test_receipts_root_is_geths_when_receipts_are_geths():
    header = geth_header()
    receipts = [encode_receipt(receipt) for receipt in geth_receipts()]
    assert "0x" + keccak(rlp.encode(header)).hex() == geth_receipts()[0]["blockHash"]
    assert receipts_root(receipts) == header[5]


def test_every_receipt_of_geth_is_proven_when_its_proof_is_checked():
    root, receipts = geth_header()[5], [encode_receipt(receipt) for receipt in geth_receipts()]
    for index, (receipt, source) in enumerate(zip(receipts, geth_receipts(), strict=True)):
        proven = verify_receipt(root, index, prove_receipt(receipts, index))
        assert proven == receipt
        decoded = decode_receipt(proven)
        assert decoded.succeeded == (source["status"] == "0x1")
        assert [log.address.lower() for log in decoded.logs] == [log["address"] for log in source["logs"]]
        assert [["0x" + topic.hex() for topic in log.topics] for log in decoded.logs] == [
            log["topics"] for log in source["logs"]
        ]


@pytest.mark.parametrize("count", [1, 2, 16, 17, 127, 128, 129, 300])
def test_root_and_proofs_agree_with_py_trie_when_block_is_of_any_size(count: int):
    receipts = [fake_receipt(index, size=index % 70) for index in range(count)]
    reference = HexaryTrie({})
    for index, receipt in enumerate(receipts):
        reference.set(reference_rlp.encode(index), receipt)
    assert receipts_root(receipts) == reference.root_hash
    for index in {0, 1, count // 2, count - 1} & set(range(count)):
        nodes = prove_receipt(receipts, index)
        assert verify_receipt(reference.root_hash, index, nodes) == receipts[index]
        expected = reference.get_proof(reference_rlp.encode(index))
        assert list(nodes) == [reference_rlp.encode(node) for node in expected]


def test_verify_receipt_raises_when_the_index_is_another():
    receipts = [fake_receipt(index) for index in range(20)]
    nodes = prove_receipt(receipts, 5)
    root = receipts_root(receipts)
    assert verify_receipt(root, 5, nodes) == receipts[5]
    for index in (4, 6, 0, 21, 128, 1000):
        with pytest.raises(InvalidProofError, match="proof"):
            verify_receipt(root, index, nodes)


@settings(max_examples=60)
@given(st.data())
def test_verify_receipt_raises_when_any_byte_of_any_node_is_changed(data: st.DataObject):
    receipts = [fake_receipt(index, size=40) for index in range(200)]
    index = data.draw(st.integers(0, 199))
    nodes = list(prove_receipt(receipts, index))
    at = data.draw(st.integers(0, len(nodes) - 1))
    position = data.draw(st.integers(0, len(nodes[at]) - 1))
    changed = bytearray(nodes[at])
    changed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InvalidProofError, match=rf"proof\[{at}\]"):
        verify_receipt(receipts_root(receipts), index, [*nodes[:at], bytes(changed), *nodes[at + 1 :]])


@pytest.mark.parametrize("kind", ["none", "cut", "doubled", "extended", "too many", "too large"])
def test_verify_receipt_raises_when_the_path_is_malformed(kind: str):
    receipts = [fake_receipt(index) for index in range(200)]
    root, nodes = receipts_root(receipts), list(prove_receipt(receipts, 7))
    bad = {
        "none": [],
        "cut": nodes[:-1],
        "doubled": [nodes[0], *nodes],
        "extended": [*nodes, nodes[-1]],
        "too many": nodes * PROOF_NODES_MAX,
        "too large": [b"\0" * (PROOF_NODE_BYTES_MAX + 1)],
    }[kind]
    with pytest.raises(InvalidProofError, match="proof"):
        verify_receipt(root, 7, bad)


@pytest.mark.parametrize("index", [-1, 1 << 20])
def test_verify_receipt_raises_when_index_is_out_of_range(index: int):
    with pytest.raises(InvalidProofError, match="index"):
        verify_receipt(bytes(32), index, [b"\xc0"])


def test_prove_receipt_raises_when_there_is_no_such_index():
    with pytest.raises(InvalidProofError, match="0 <= index < 1"):
        prove_receipt([fake_receipt(0)], 1)


@pytest.mark.parametrize(
    "change",
    [{"status": None}, {"logs": None}, {"logsBloom": "0xzz"}, {"logs": [{"address": "0x00"}]}, {"type": 2}],
)
def test_encode_receipt_raises_when_a_field_is_malformed(change: dict[str, Any]):
    with pytest.raises(InvalidProofError, match="eth_getBlockReceipts"):
        encode_receipt({**geth_receipts()[0], **change})


LOG = [bytes(20), [bytes(32)], b""]


@pytest.mark.parametrize(
    "item",
    [
        b"",
        [b"\x01", b"\x01", bytes(256)],
        [b"\x02", b"\x01", bytes(256), []],
        [b"\x01", b"\x01", bytes(255), []],
        [b"\x01", b"\x00\x01", bytes(256), []],
        [b"\x01", b"\x01", bytes(256), b""],
        [b"\x01", b"\x01", bytes(256), [[bytes(19), [], b""]]],
        [b"\x01", b"\x01", bytes(256), [[bytes(20), [bytes(31)], b""]]],
        [b"\x01", b"\x01", bytes(256), [[bytes(20), [bytes(32)] * 5, b""]]],
        [b"\x01", b"\x01", bytes(256), [[bytes(20), [], []]]],
    ],
)
def test_decode_receipt_raises_when_the_shape_is_another(item: Any):
    assert decode_receipt(rlp.encode([b"\x01", b"\x01", bytes(256), [LOG]])).succeeded
    with pytest.raises(InvalidProofError, match="receipt"):
        decode_receipt(rlp.encode(item))


items = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=5), max_leaves=12)


@given(items)
def test_rlp_agrees_with_the_rlp_package_when_encoding_and_decoding(item: Any):
    encoded = rlp.encode(item)
    assert encoded == reference_rlp.encode(item)
    assert rlp.decode(encoded) == item


@given(st.binary(max_size=40))
def test_rlp_decode_accepts_only_the_one_encoding_when_given_any_bytes(data: bytes):
    try:
        item = rlp.decode(data)
    except rlp.RlpError:
        with pytest.raises(reference_rlp.exceptions.DecodingError):
            reference_rlp.decode(data)
        return
    assert rlp.encode(item) == data


@pytest.mark.parametrize(
    "data",
    ["", "8100", "b800", "b90000", "b83700", "c1", "8201", "00" * 2, "c0" * 2, "f800", "c281", "c2820102", "c1" * 10],
)
def test_rlp_decode_raises_when_bytes_are_not_the_shortest_form(data: str):
    with pytest.raises(rlp.RlpError):
        rlp.decode(bytes.fromhex(data))


def test_rlp_decode_raises_when_too_deep_or_too_long():
    deep: Any = b""
    for _ in range(10):
        deep = [deep]
    with pytest.raises(rlp.RlpError, match="levels"):
        rlp.decode(rlp.encode(deep))
    with pytest.raises(rlp.RlpError, match="items"):
        rlp.decode(rlp.encode([b""] * 4097))
