"""A keystore in memory."""

from coincurve import PrivateKey
from eth_hash.auto import keccak

from pqc.errors import KeyExistsError, UnknownKeyError
from tests.unit.client.fake_chain import address_of_key


class FakeCustody:
    """Keys that follow from their names and an owner, so that a new process has the same ones."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self.keys: dict[str, PrivateKey] = {}
        self.add("transaction", "secp256k1", "transaction")

    def add(self, name: str, alg: str, role: str) -> None:
        assert (alg, role) == ("secp256k1", "transaction")
        if name in self.keys:
            raise KeyExistsError(name)
        # The own key is the one of Actor(owner), whose address the genesis of the tests names.
        seed = (
            b"landfall unit actor " + self._owner.encode()
            if name == "transaction"
            else f"{self._owner}/{name}".encode()
        )
        self.keys[name] = PrivateKey(keccak(seed))

    def address(self, name: str) -> str:
        return address_of_key(self._key(name).public_key)

    def sign_digest(self, name: str, digest: bytes) -> bytes:
        signature = self._key(name).sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + 27])

    def _key(self, name: str) -> PrivateKey:
        if name not in self.keys:
            raise UnknownKeyError(name, tuple(self.keys))
        return self.keys[name]
