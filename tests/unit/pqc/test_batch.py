"""Many signatures at once: each item gets its own answer, in its place."""

import pytest

from pqc.batch import BATCH_ITEMS_MAX, Signed, verify_many
from pqc.errors import InvalidKeyError, InvalidSignatureError, UnknownAlgorithmError
from pqc.signatures import MESSAGE_ALGORITHM, from_seed, sign


def signed(alg: str, number: int) -> Signed:
    key = from_seed(alg, bytes([number]) * 32)
    message = b"pay %d" % number
    return Signed(alg, key.public_key, message, sign(key, message))


@pytest.mark.usefixtures("backend")
def test_verify_many_answers_in_order_when_some_are_invalid():
    algorithms = ("ML-DSA-65", MESSAGE_ALGORITHM, "Ed25519")
    items = [signed(algorithms[number % 3], number) for number in range(11)]
    items[2] = Signed(items[2].alg, items[2].public_key, b"other", items[2].signature)
    items[5] = Signed("ML-DSA-66", items[5].public_key, items[5].message, items[5].signature)
    items[10] = Signed(items[10].alg, items[10].public_key[1:], items[10].message, items[10].signature)
    answers = verify_many(items)
    found = {number: type(answer) for number, answer in enumerate(answers) if answer is not None}
    assert len(answers) == 11
    assert found == {2: InvalidSignatureError, 5: UnknownAlgorithmError, 10: InvalidKeyError}


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_verify_many_answers_each_when_there_are_few(count: int):
    assert verify_many([signed("ML-DSA-44", number) for number in range(count)]) == (None,) * count


def test_verify_many_counts_the_context_when_one_is_given():
    key = from_seed("ML-DSA-65", bytes(32))
    signature = sign(key, b"pay", b"vote")
    right = Signed("ML-DSA-65", key.public_key, b"pay", signature, b"vote")
    wrong = Signed("ML-DSA-65", key.public_key, b"pay", signature)
    first, second = verify_many([right, wrong])
    assert first is None
    assert isinstance(second, InvalidSignatureError)


def test_verify_many_takes_the_largest_batch_and_raises_when_it_is_larger():
    # An unknown algorithm is refused at once, so that the limit itself can be tried.
    item = Signed("none", b"", b"", b"")
    assert len(verify_many([item] * BATCH_ITEMS_MAX)) == BATCH_ITEMS_MAX
    with pytest.raises(InvalidKeyError, match="items: expected at most 10000, got 10001"):
        verify_many([item] * (BATCH_ITEMS_MAX + 1))
