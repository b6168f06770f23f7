"""Consensus hashes against the constants of CometBFT's Go tests, and commits that must not count."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from bridge.errors import InsufficientPowerError, InvalidProofError
from bridge.proofs.consensus import (
    BlockId,
    Commit,
    CommitSignature,
    Header,
    Timestamp,
    Validator,
    block_id,
    data_hash,
    data_proof,
    header_hash,
    results_hash,
    validator_set,
    validators_hash,
    verify_commit,
    vote_sign_bytes,
)
from bridge.proofs.finality import FinalityProof, proof_from_json, proof_to_json, verify_finality
from pqc import signatures

CHAIN = "test-chain"
GO_ZERO_TIME = Timestamp(-62135596800)
KEYS = [signatures.from_seed("ML-DSA-65", bytes([i]) * 32) for i in range(4)]
VALIDATORS = [Validator("ML-DSA-65", key.public_key, 10) for key in KEYS]


def _h(text: str) -> bytes:
    return sha256(text.encode()).digest()


def _header(**changes: object) -> Header:
    base = Header(
        block_version=1,
        app_version=2,
        chain_id="chainId",
        height=3,
        time=Timestamp(1570983284),  # 2019-10-13 16:14:44 UTC
        last_block_id=BlockId(bytes(32), 6, bytes(32)),
        last_commit_hash=_h("last_commit_hash"),
        data_hash=_h("data_hash"),
        validators_hash=_h("validators_hash"),
        next_validators_hash=_h("next_validators_hash"),
        consensus_hash=_h("consensus_hash"),
        app_hash=_h("app_hash"),
        last_results_hash=_h("last_results_hash"),
        evidence_hash=_h("evidence_hash"),
        proposer_address=_h("proposer_address")[:20],
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_header_hash_matches_the_go_test() -> None:
    # CometBFT types/block_test.go, TestHeaderHash.
    expected = "f740121f553b5418c3efbd343c2dbfe9e007bb67b0d020a0741374bab65242a4"
    assert header_hash(_header()).hex() == expected
    assert header_hash(_header(height=4)).hex() != expected


@pytest.mark.parametrize(
    ("chain_id", "height", "round_", "vote_type", "expected"),
    [
        ("", 0, 0, 0, "0d2a0b088092b8c398feffffff01"),
        ("", 1, 1, 2, "2108021101000000000000001901000000000000002a0b088092b8c398feffffff01"),
        ("", 1, 1, 1, "2108011101000000000000001901000000000000002a0b088092b8c398feffffff01"),
        ("", 1, 1, 0, "1f1101000000000000001901000000000000002a0b088092b8c398feffffff01"),
        (
            "test_chain_id",
            1,
            1,
            0,
            "2e1101000000000000001901000000000000002a0b088092b8c398feffffff01320d746573745f636861696e5f6964",
        ),
    ],
)
def test_vote_sign_bytes_match_the_go_test(
    chain_id: str, height: int, round_: int, vote_type: int, expected: str
) -> None:
    # CometBFT types/vote_test.go, TestVoteSignBytesTestVectors.
    assert vote_sign_bytes(chain_id, height, round_, BlockId(), GO_ZERO_TIME, vote_type).hex() == expected


def test_validators_hash_commits_to_key_and_power_and_not_to_order() -> None:
    base = validators_hash(VALIDATORS)
    assert validators_hash(VALIDATORS[::-1]) == base
    assert validators_hash([*VALIDATORS[:3], replace(VALIDATORS[3], power=11)]) != base
    assert validators_hash(VALIDATORS[:3]) != base


def test_validator_set_is_ordered_by_power_then_address() -> None:
    strong = replace(VALIDATORS[2], power=20)
    ordered = validator_set([VALIDATORS[0], strong, VALIDATORS[1]])
    assert ordered[0] == strong
    assert ordered[1].address < ordered[2].address


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [VALIDATORS[0], VALIDATORS[0]],
        [replace(VALIDATORS[0], power=0)],
        [replace(VALIDATORS[0], algorithm="RSA")],
    ],
)
def test_validator_set_is_rejected_when_malformed(bad: list[Validator]) -> None:
    with pytest.raises(InvalidProofError, match="validators"):
        validators_hash(bad)


def test_results_hash_differs_when_gas_differs() -> None:
    assert results_hash([(0, 1, 1)]) != results_hash([(0, 1, 2)])
    assert results_hash([]) == sha256(b"").digest()


def _vote(header: Header, block: BlockId, signer: int, seconds: int = 100) -> CommitSignature:
    time = Timestamp(seconds, 5)
    message = vote_sign_bytes(CHAIN, header.height, 0, block, time)
    return CommitSignature(VALIDATORS[signer].address, time, signatures.sign(KEYS[signer], message))


def _final_block(signers: tuple[int, ...] = (0, 1, 2)) -> tuple[FinalityProof, list[bytes]]:
    items = [b"payload", b"tx-1", b"tx-2"]
    header = _header(chain_id=CHAIN, validators_hash=validators_hash(VALIDATORS), data_hash=data_hash(items))
    block = block_id(header, items, None)
    commit = Commit(header.height, 0, block, tuple(_vote(header, block, signer) for signer in signers))
    return FinalityProof(header, commit, items[0], data_proof(items, 0)), items


def test_verify_commit_accepts_more_than_two_thirds_and_rejects_exactly_less() -> None:
    proof, _ = _final_block((0, 1, 2))
    verify_commit(CHAIN, VALIDATORS, proof.header, proof.commit)
    few, _ = _final_block((0, 1))
    with pytest.raises(InsufficientPowerError, match=r"2/3 of voting power 40, got 20"):
        verify_commit(CHAIN, VALIDATORS, few.header, few.commit)


def test_verify_commit_rejects_exactly_two_thirds() -> None:
    three = VALIDATORS[:3]
    header = _header(chain_id=CHAIN, validators_hash=validators_hash(three))
    block = block_id(header, [], None)
    commit = Commit(3, 0, block, (_vote(header, block, 0), _vote(header, block, 1)))
    with pytest.raises(InsufficientPowerError):
        verify_commit(CHAIN, three, header, commit)


def _twice(commit: Commit) -> Commit:
    return replace(commit, signatures=(commit.signatures[0], commit.signatures[0], commit.signatures[1]))


def _changed_vote(commit: Commit, **changes: object) -> Commit:
    return replace(commit, signatures=(replace(commit.signatures[0], **changes), *commit.signatures[1:]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (_twice, "validator_address"),
        (lambda c: replace(c, height=4), "commit.height"),
        (lambda c: replace(c, round=1), "signature"),
        (lambda c: replace(c, block_id=replace(c.block_id, hash=bytes(32))), "block_id.hash"),
        (lambda c: replace(c, block_id=replace(c.block_id, parts_total=9)), "signature"),
        (lambda c: _changed_vote(c, timestamp=Timestamp(101, 5)), "signature"),
        (lambda c: _changed_vote(c, signature=bytes(3309)), "signature"),
        (lambda c: _changed_vote(c, signature=b"short"), "signature"),
        (lambda c: _changed_vote(c, validator_address=bytes(20)), "validator_address"),
        (lambda c: replace(c, signatures=c.signatures * 2), "commit.signatures"),
    ],
)
def test_verify_commit_rejects_a_changed_commit(spoil: Callable[[Commit], Commit], field: str) -> None:
    proof, _ = _final_block()
    with pytest.raises(InvalidProofError, match=field):
        verify_commit(CHAIN, VALIDATORS, proof.header, spoil(proof.commit))


def test_verify_commit_rejects_another_chain_or_set() -> None:
    proof, _ = _final_block()
    with pytest.raises(InvalidProofError, match="chain_id"):
        verify_commit("other", VALIDATORS, proof.header, proof.commit)
    with pytest.raises(InvalidProofError, match="validators_hash"):
        verify_commit(CHAIN, VALIDATORS[:3], proof.header, proof.commit)


def test_verify_finality_returns_the_payload_and_rejects_another() -> None:
    proof, items = _final_block()
    assert verify_finality(proof, CHAIN, VALIDATORS) == b"payload"
    with pytest.raises(InvalidProofError, match="leaf_hash"):
        verify_finality(replace(proof, payload=b"payloaD"), CHAIN, VALIDATORS)
    other = replace(proof, payload=items[1], payload_proof=data_proof(items, 1))
    with pytest.raises(InvalidProofError, match=r"payload_proof\.index"):
        verify_finality(other, CHAIN, VALIDATORS)


def test_block_id_has_as_many_parts_as_the_block_has_64_kib() -> None:
    header = _header()
    assert block_id(header, [b"x"], None).parts_total == 1
    assert block_id(header, [bytes(140_000)], None).parts_total == 3


def test_proof_json_round_trips() -> None:
    proof, _ = _final_block()
    assert proof_from_json(proof_to_json(proof)) == proof


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("header", "height"), "3", "header.height"),
        (("header", "height"), True, "header.height"),
        (("header", "height"), -1, "header.height"),
        (("header", "app_hash"), "0x00", "header.app_hash"),
        (("header", "chain_id"), "", "header.chain_id"),
        (("header", "extra"), 1, "header.extra"),
        (("header", "time", "nanos"), 10**9, "header.time.nanos"),
        (("commit", "signatures"), {}, "commit.signatures"),
        (("commit", "signatures"), [1], r"commit.signatures\[0\]"),
        (("payload",), "0x" + "00" * 3000, "payload"),
        (("payload",), "0xAB", "payload"),
        (("payload",), "0xzz", "payload"),
        (("payload_proof", "aunts"), ["0x" + "00" * 32] * 65, "payload_proof.aunts"),
    ],
)
def test_proof_from_json_names_the_field_when_it_is_wrong(path: tuple[str, ...], value: object, message: str) -> None:
    proof = proof_to_json(_final_block()[0])
    target = proof
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(InvalidProofError, match=message):
        proof_from_json(proof)


def test_proof_from_json_names_the_field_when_it_is_missing() -> None:
    proof = proof_to_json(_final_block()[0])
    del proof["header"]["time"]
    with pytest.raises(InvalidProofError, match=r"header\.time"):
        proof_from_json(proof)
    with pytest.raises(InvalidProofError, match="an object"):
        proof_from_json([])
