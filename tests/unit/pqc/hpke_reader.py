"""HPKE's opening side, written from RFC 9180 and the drafts with primitives only: a second implementation for tests."""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def open_by_the_draft(kem: str, seed: bytes, sealed: bytes, info: bytes, aad: bytes = b"") -> bytes:
    if kem == "X-Wing":
        kem_id, kdf_id, hash_name, encapsulated_bytes = 0x647A, 1, "sha256", 1088 + 32
    else:
        kem_id, kdf_id, hash_name, encapsulated_bytes = 0x0051, 2, "sha384", 1568 + 97
    encapsulated, ciphertext = sealed[:encapsulated_bytes], sealed[encapsulated_bytes:]
    shared = decapsulate_by_the_draft(kem, seed, encapsulated)
    suite = b"HPKE" + kem_id.to_bytes(2, "big") + kdf_id.to_bytes(2, "big") + b"\x00\x02"

    def extract(salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return hmac.digest(
            salt or bytes(hashlib.new(hash_name).digest_size), b"HPKE-v1" + suite + label + ikm, hash_name
        )

    def expand(prk: bytes, label: bytes, context: bytes, length: int) -> bytes:
        labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context
        return hmac.digest(prk, labelled + b"\x01", hash_name)[:length]

    context = b"\x00" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared, b"secret", b"")
    key, nonce = expand(secret, b"key", context, 32), expand(secret, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(nonce, ciphertext, aad)


def decapsulate_by_the_draft(kem: str, seed: bytes, encapsulated: bytes) -> bytes:
    if kem == "X-Wing":
        stretched = hashlib.shake_256(seed).digest(96)
        lattice = mlkem.MLKEM768PrivateKey.from_seed_bytes(stretched[:64]).decapsulate(encapsulated[:1088])
        secret = x25519.X25519PrivateKey.from_private_bytes(stretched[64:])
        curve_ciphertext, curve_public = encapsulated[1088:], secret.public_key().public_bytes_raw()
        curve = secret.exchange(x25519.X25519PublicKey.from_public_bytes(curve_ciphertext))
        label = bytes.fromhex("5c2e2f2f5e5c")
    else:
        stretched = hashlib.shake_256(seed).digest(112)
        lattice = mlkem.MLKEM1024PrivateKey.from_seed_bytes(stretched[:64]).decapsulate(encapsulated[:1568])
        private = ec.derive_private_key(int.from_bytes(stretched[64:], "big"), ec.SECP384R1())
        curve_ciphertext = encapsulated[1568:]
        numbers = private.public_key().public_numbers()
        curve_public = b"\x04" + numbers.x.to_bytes(48, "big") + numbers.y.to_bytes(48, "big")
        peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), curve_ciphertext)
        curve, label = private.exchange(ec.ECDH(), peer), b"MLKEM1024-P384"
    return hashlib.sha3_256(lattice + curve + curve_ciphertext + curve_public + label).digest()
