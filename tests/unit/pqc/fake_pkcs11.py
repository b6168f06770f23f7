"""A token that speaks like PKCS#11 3.2, and the signer an HSM adapter would be; both in memory.

The token knows handles, labels and return codes; keys never leave it. Like real ones it gives r and s without v,
and s in either half. `Pkcs11Signer` does what pqc/README.md asks of an adapter.
"""

import secrets
from dataclasses import dataclass, field, replace

from coincurve import PrivateKey, PublicKey

from pqc import keys, secp256k1, signatures
from pqc.errors import (
    InvalidKeyError,
    InvariantError,
    KeyDestroyedError,
    UnknownKeyError,
    WrongKeyKindError,
    WrongKeyRoleError,
)
from pqc.errors import SignerUnavailableError as Unavailable
from pqc.roles import KeyRole

CKM_ML_DSA = 0x1D
CKM_ECDSA = 0x1041
CKR_DEVICE_REMOVED = 0x32
CKR_SESSION_HANDLE_INVALID = 0xB3
CKR_USER_NOT_LOGGED_IN = 0x101
CKR_KEY_HANDLE_INVALID = 0x60
CKR_MECHANISM_PARAM_INVALID = 0x71
CKR_DATA_LEN_RANGE = 0x21
_AWAY = {CKR_DEVICE_REMOVED, CKR_SESSION_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN}


class Pkcs11Error(Exception):
    """A return code that is not CKR_OK."""

    def __init__(self, code: int) -> None:
        super().__init__(f"CKR {code:#x}")
        self.code = code


@dataclass(frozen=True)
class TokenObject:
    """One key: CKA_LABEL holds name and role, CKA_ID the thumbprint; CKA_SENSITIVE, not extractable."""

    label: str
    id: bytes
    alg: str
    public: bytes
    sensitive: bytes | None = field(repr=False)


class FakeToken:
    """A slot with a session."""

    def __init__(self) -> None:
        self._objects: dict[int, TokenObject] = {}
        self.fails_with: int | None = None

    def generate(self, alg: str, label: str) -> int:
        """C_GenerateKeyPair; the caller sets CKA_ID to the thumbprint."""
        self._answer()
        seed = keys.new_seed(alg)
        public = keys.public_key(alg, seed)
        handle = len(self._objects) + 1
        self._objects[handle] = TokenObject(label, keys.thumbprint(alg, public), alg, public, seed)
        return handle

    def destroy(self, handle: int) -> None:
        """C_DestroyObject of the private half."""
        self._objects[handle] = replace(self._objects[handle], sensitive=None)

    def find(self, name: str) -> list[int]:
        """C_FindObjects by the name in CKA_LABEL, oldest first."""
        self._answer()
        return [handle for handle, one in self._objects.items() if one.label.split("/")[0] == name]

    def attributes(self, handle: int) -> TokenObject:
        """C_GetAttributeValue; sensitive attributes are withheld."""
        self._answer()
        return replace(self._objects[handle], sensitive=None)

    def sign(self, handle: int, mechanism: int, data: bytes, context: bytes = b"") -> bytes:
        """C_Sign; `context` is the CK_SIGN_ADDITIONAL_CONTEXT of ML-DSA."""
        self._answer()
        key = self._objects[handle]
        if key.sensitive is None:
            raise Pkcs11Error(CKR_KEY_HANDLE_INVALID)
        if mechanism == CKM_ML_DSA:
            if len(context) > 255:
                raise Pkcs11Error(CKR_MECHANISM_PARAM_INVALID)
            return signatures.sign(signatures.from_seed(key.alg, key.sensitive), data, context)
        if len(data) != 32:
            raise Pkcs11Error(CKR_DATA_LEN_RANGE)
        r_and_s = PrivateKey(key.sensitive).sign_recoverable(data, hasher=None)[:64]
        s = int.from_bytes(r_and_s[32:], "big")
        return r_and_s[:32] + (s if secrets.randbits(1) else secp256k1.ORDER - s).to_bytes(32, "big")

    def _answer(self) -> None:
        if self.fails_with is not None:
            raise Pkcs11Error(self.fails_with)


class Pkcs11Signer:
    """Implements `pqc.ports.Signer` over the token."""

    def __init__(self, token: FakeToken) -> None:
        self._token = token

    def public_key(self, name: str) -> bytes:
        return self._key(name, None)[1].public

    def sign_message(
        self,
        name: str,
        message: bytes,
        context: bytes = b"",
        *,
        role: KeyRole = KeyRole.MESSAGE,
        thumbprint: bytes | None = None,
    ) -> bytes:
        handle, key = self._key(name, thumbprint)
        if key.alg not in signatures.algorithms():
            raise WrongKeyKindError(f"name: expected a post-quantum key, got {name!r}, which is {key.alg}")
        if (held := key.label.split("/")[1]) != role:
            raise WrongKeyRoleError(name, role, held)
        return self._sign(name, handle, CKM_ML_DSA, message, context)

    def sign_digest(self, name: str, digest: bytes) -> bytes:
        handle, key = self._account(name)
        raw = self._sign(name, handle, CKM_ECDSA, digest)
        s = int.from_bytes(raw[32:], "big")
        low = raw[:32] + min(s, secp256k1.ORDER - s).to_bytes(32, "big")
        for parity in (0, 1):
            found = PublicKey.from_signature_and_message(low + bytes([parity]), digest, hasher=None)
            if found.format(compressed=True) == key.public:
                return low + bytes([parity + 27])
        raise InvariantError(f"signature: expected one of {name!r}, got one of another key")

    def address(self, name: str) -> str:
        return secp256k1.address_of(self._account(name)[1].public)

    def _account(self, name: str) -> tuple[int, TokenObject]:
        handle, key = self._key(name, None)
        if key.alg != secp256k1.ALGORITHM:
            raise WrongKeyKindError(f"name: expected a secp256k1 key, got {name!r}, which is {key.alg}")
        return handle, key

    def _key(self, name: str, thumbprint: bytes | None) -> tuple[int, TokenObject]:
        try:
            found = [(handle, self._token.attributes(handle)) for handle in self._token.find(name)]
        except Pkcs11Error as error:
            raise _normalised(name, error) from error
        fitting = [one for one in found if thumbprint in (None, one[1].id)]
        if not fitting:
            raise UnknownKeyError(name, ())
        return fitting[-1]

    def _sign(self, name: str, handle: int, mechanism: int, data: bytes, context: bytes = b"") -> bytes:
        try:
            return self._token.sign(handle, mechanism, data, context)
        except Pkcs11Error as error:
            raise _normalised(name, error) from error


def _normalised(name: str, error: Pkcs11Error) -> Exception:
    if error.code in _AWAY:
        return Unavailable(f"signer: expected the token to answer, got {error}; log in again and repeat")
    if error.code == CKR_KEY_HANDLE_INVALID:
        return KeyDestroyedError(f"name: expected a key with its seed, got {name!r}, whose private half was destroyed")
    if error.code == CKR_MECHANISM_PARAM_INVALID:
        return InvalidKeyError("context", "at most 255 bytes", "more")
    if error.code == CKR_DATA_LEN_RANGE:
        return InvalidKeyError("digest", "32 bytes", "another length")
    return InvariantError(f"signer: expected a code of PKCS#11 that is known, got {error}")
