"""The specification's vectors: read by an independent reader and by our own, and made again from their seeds."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pqc import sealing, signatures
from pqc.acknowledgement import envelope_hash, read_acknowledgement
from pqc.envelope import Allowed, Header, pack, unpack
from pqc.jws import SigningKey
from pqc.qkd import QuantumKey
from scripts.build_envelope_vectors import CASES as VECTOR_CASES
from scripts.build_envelope_vectors import write_case
from tests.unit.pqc import envelope_reader

CASES = json.loads((Path(__file__).parents[2] / "vectors/envelope/envelopes.json").read_text())


@pytest.fixture(params=CASES, ids=[case["name"] for case in CASES])
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    return request.param


def jwk(case: dict[str, Any]) -> dict[str, str]:
    pub = envelope_reader.base64url(bytes.fromhex(case["signer_public_key"])).decode()
    return {"alg": case["alg"], "kty": "AKP", "pub": pub}


def quantum(case: dict[str, Any]) -> QuantumKey | None:
    return (
        QuantumKey(json.loads(case["line"])["qkd_key_id"], bytes.fromhex(case["quantum_key"]))
        if case["quantum_key"]
        else None
    )


def test_the_reader_of_the_tests_shares_no_code_with_ours_when_loaded():
    for module in ("tests.unit.pqc.envelope_reader", "tests.unit.pqc.hpke_reader"):
        assert "pqc." not in Path(sys.modules[module].__file__ or "").read_text().replace("tests.unit.pqc.", "")


def test_an_independent_reader_opens_the_envelope_when_it_follows_the_page(case: dict[str, Any]):
    quantum_key = bytes.fromhex(case["quantum_key"]) if case["quantum_key"] else None
    seed = bytes.fromhex(case["recipient_seed"])
    header, payload = envelope_reader.read_envelope(bytes.fromhex(case["envelope"]), seed, jwk(case), quantum_key)
    assert payload.hex() == case["payload"]
    assert {name: header.get(name) for name in case["header"]} == case["header"]


def test_an_independent_reader_opens_what_is_packed_now_when_it_follows_the_page(case: dict[str, Any]):
    key = sealing.from_seed(case["kem"], bytes.fromhex(case["recipient_seed"]))
    signer = SigningKey.of(signatures.from_seed(case["alg"], bytes.fromhex(case["signer_seed"])))
    data = pack(Header(**case["header"]), b"new", key=signer, seal_to=key.public_half, quantum=quantum(case))
    assert data.partition(b"\n")[0].decode() == case["line"]
    quantum_key = bytes.fromhex(case["quantum_key"]) if case["quantum_key"] else None
    _, payload = envelope_reader.read_envelope(data, key.seed, jwk(case), quantum_key)
    assert payload == b"new"


def test_unpack_opens_the_envelope_when_it_was_made_before(case: dict[str, Any]):
    key = sealing.from_seed(case["kem"], bytes.fromhex(case["recipient_seed"]))
    signer = SigningKey.of(signatures.from_seed(case["alg"], bytes.fromhex(case["signer_seed"])))
    sender = case["header"]["sender"]
    opened = unpack(
        bytes.fromhex(case["envelope"]),
        recipient=case["header"]["recipient"],
        sealing_keys={case["recipient_key_id"]: key},
        verify_keys=lambda *asked: signer.verifying_key if asked == (sender, case["signer_key_id"]) else None,
        allowed=Allowed(frozenset({case["alg"]}), frozenset({case["kem"]})),
        now_s=case["header"]["created_at_s"],
        quantum=quantum(case),
    )
    assert (asdict(opened.header), opened.payload.hex()) == (case["header"], case["payload"])
    assert opened.token.decode() == case["token"]


def test_keys_and_their_ids_follow_from_the_seeds_when_made_again(case: dict[str, Any]):
    pair = signatures.from_seed(case["alg"], bytes.fromhex(case["signer_seed"]))
    key = sealing.from_seed(case["kem"], bytes.fromhex(case["recipient_seed"]))
    assert (pair.public_key.hex(), key.public_key.hex()) == (case["signer_public_key"], case["recipient_public_key"])
    assert SigningKey.of(pair).verifying_key.key_id == case["signer_key_id"] == envelope_reader.thumbprint(jwk(case))
    assert key.public_half.key_id == case["recipient_key_id"]


def test_the_generator_makes_the_same_keys_and_headers_when_run_again(case: dict[str, Any]):
    drawn = {"token", "envelope", "acknowledgements"}
    made = next(write_case(one) for one in VECTOR_CASES if one.name == case["name"])
    assert {name: value for name, value in made.items() if name not in drawn} == {
        name: value for name, value in case.items() if name not in drawn
    }
    assert made["envelope"] != case["envelope"]


def test_both_readers_take_the_acknowledgements_when_they_were_made_before(case: dict[str, Any]):
    signer = SigningKey.of(signatures.from_seed(case["alg"], bytes.fromhex(case["signer_seed"])))
    assert len(case["acknowledgements"]) == 2
    for one in case["acknowledgements"]:
        token, says = one["token"].encode(), one["says"]
        body = envelope_reader.read_acknowledgement(token, jwk(case))
        assert body == {name: value for name, value in says.items() if value is not None}
        read = read_acknowledgement(
            token,
            header=Header(**case["header"]),
            sent_hash=envelope_hash(bytes.fromhex(case["envelope"])),
            verify_keys=lambda sender, key_id: signer.verifying_key,
            allowed=Allowed(frozenset({case["alg"]}), frozenset()),
            now_s=says["at_s"],
        )
        assert asdict(read) == says


def test_the_independent_reader_refuses_when_a_byte_is_changed(case: dict[str, Any]):
    data = bytearray.fromhex(case["envelope"])
    quantum_key = bytes.fromhex(case["quantum_key"]) if case["quantum_key"] else None
    for at in range(0, len(data), 211):
        changed = bytes(data[:at]) + bytes([data[at] ^ 1]) + bytes(data[at + 1 :])
        with pytest.raises(Exception, match=r"(?s).*"):
            envelope_reader.read_envelope(changed, bytes.fromhex(case["recipient_seed"]), jwk(case), quantum_key)
