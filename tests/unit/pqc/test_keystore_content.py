from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from pqc.errors import KeystoreFormatError
from pqc.key_ring import KeyRing
from pqc.keystore_content import from_content, to_content

FIRST, SECOND = bytes([1] * 32), bytes([2] * 32)


@pytest.fixture
def ring() -> KeyRing:
    ring = KeyRing().with_key("message", "ML-DSA-65", "message", FIRST, 100).with_next("message", SECOND, 500, 60)
    return ring.with_key("pay", "secp256k1", "transaction", bytes([3] * 32), 0)


def test_ring_comes_back_when_written_and_read(ring: KeyRing):
    assert from_content(2, to_content(ring)) == ring
    destroyed = ring.without_retired("message", 560)
    assert from_content(2, to_content(destroyed)) == destroyed
    assert FIRST.hex() not in str(to_content(destroyed))


def test_version_1_record_becomes_one_generation_that_always_counted_when_read():
    record = {"name": "message", "alg": "ML-DSA-65", "role": "message", "seed": FIRST.hex()}
    assert from_content(1, {"keys": [record]}) == KeyRing().with_key("message", "ML-DSA-65", "message", FIRST, 0)
    with pytest.raises(KeystoreFormatError):
        from_content(2, {"keys": [record]})


def generation(content: Any, number: int = 0) -> dict[str, Any]:
    return content["keys"][0]["generations"][number]


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("keys"),
        lambda content: content["keys"].append(3),
        lambda content: content["keys"].append(deepcopy(content["keys"][0])),
        lambda content: content["keys"][0].update(name="pay"),
        lambda content: content["keys"][0].update(name=["message"]),
        lambda content: content["keys"][0].update(role="attester"),
        lambda content: content["keys"][0].update(role="sealing"),
        lambda content: content["keys"][0].update(alg="RSA"),
        lambda content: content["keys"][0].update(generations=[]),
        lambda content: generation(content).update(seed="00"),
        lambda content: generation(content).update(seed=3),
        lambda content: generation(content).update(seed=SECOND.hex()),
        lambda content: generation(content).pop("seed"),
        lambda content: generation(content).update(valid_until_s=None),
        lambda content: generation(content).update(valid_until_s=499),
        lambda content: generation(content).update(valid_from_s=501),
        lambda content: generation(content).update(valid_from_s="100"),
        lambda content: generation(content, 1).update(valid_until_s=1000),
        lambda content: generation(content, 1).update(valid_from_s=-1),
        lambda content: content["keys"][0]["generations"].reverse(),
        lambda content: generation(content).update(public_key="00", seed=None),
    ],
)
def test_read_raises_when_a_rule_is_broken(ring: KeyRing, change: Callable[[Any], object]):
    content = to_content(ring)
    change(content)
    with pytest.raises(KeystoreFormatError, match="keys: "):
        from_content(2, content)


@pytest.mark.parametrize("content", [None, [], 3, {"keys": None}, {"keys": {"a": 1}}])
def test_read_raises_when_the_content_is_something_else(content: Any):
    with pytest.raises(KeystoreFormatError):
        from_content(2, content)
