"""An independent reader of envelopes, written from docs/spec/envelope.md with the standard library and `cryptography`.

It imports nothing of `pqc`, so that an error in our code or in the page shows as a difference.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256, sha512
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.unit.pqc.hpke_reader import open_by_the_draft

OUTER = {"kem", "qkd_key_id", "recipient", "recipient_key", "sender", "typ"}


def read_envelope(
    envelope: bytes, recipient_seed: bytes, signer: dict[str, str], quantum_key: bytes | None
) -> tuple[dict[str, Any], bytes]:
    """Return header and payload; `signer` is a JSON Web Key. Any failure raises."""
    line, _, sealed = envelope.partition(b"\n")
    outer = flat(line)
    assert outer["typ"] == "landfall-envelope/1"
    info = b"landfall-envelope/1\x00" + sha256(line).digest()
    inner = open_by_the_draft(outer["kem"], recipient_seed, sealed, info)
    assert (quantum_key is not None) == ("qkd_key_id" in outer)
    if quantum_key is not None:
        hkdf = HKDF(hashes.SHA256(), 32, salt=sha256(line).digest(), info=b"landfall quantum layer 1")
        inner = AESGCM(hkdf.derive(quantum_key)).decrypt(inner[:12], inner[12:], None)
    token, _, payload = inner.partition(b"\n")
    protected, nothing, signature = token.split(b".")
    assert nothing == b""
    header = flat(unbase64url(protected))
    assert {name: value for name, value in header.items() if name in OUTER} == outer
    assert header["kid"] == thumbprint(signer)
    verify(header["alg"], signer, protected + b"." + base64url(payload), unbase64url(signature))
    return header, payload


def read_acknowledgement(token: bytes, signer: dict[str, str]) -> dict[str, Any]:
    """Return the body; any failure raises."""
    protected, body, signature = token.split(b".")
    header = flat(unbase64url(protected))
    assert (header["typ"], header["kid"]) == ("landfall-acknowledgement/1", thumbprint(signer))
    verify(header["alg"], signer, protected + b"." + body, unbase64url(signature))
    return flat(unbase64url(body))


def verify(alg: str, signer: dict[str, str], message: bytes, signature: bytes) -> None:
    assert alg.removeprefix("landfall.1.") == signer["alg"]
    public_key = unbase64url(signer["pub"].encode())
    match alg:
        case "ML-DSA-65":
            mldsa.MLDSA65PublicKey.from_public_bytes(public_key).verify(signature, message)
        case "landfall.1.id-MLDSA65-Ed25519-SHA512":
            label = b"COMPSIG-MLDSA65-Ed25519-SHA512"
            both = b"CompositeAlgorithmSignatures2025" + label + b"\x00" + sha512(message).digest()
            mldsa.MLDSA65PublicKey.from_public_bytes(public_key[:1952]).verify(signature[:3309], both, label)
            Ed25519PublicKey.from_public_bytes(public_key[1952:]).verify(signature[3309:], both)
        case "landfall.1.id-MLDSA87-ECDSA-P384-SHA512":
            label = b"COMPSIG-MLDSA87-ECDSA-P384-SHA512"
            both = b"CompositeAlgorithmSignatures2025" + label + b"\x00" + sha512(message).digest()
            mldsa.MLDSA87PublicKey.from_public_bytes(public_key[:2592]).verify(signature[:4627], both, label)
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), public_key[2592:])
            point.verify(signature[4627:], both, ec.ECDSA(hashes.SHA384()))
        case _:
            raise AssertionError(alg)


def flat(data: bytes) -> dict[str, Any]:
    members = json.loads(data)
    assert json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == data
    return members


def thumbprint(key: dict[str, str]) -> str:
    required = json.dumps({name: key[name] for name in ("alg", "kty", "pub")}, separators=(",", ":")).encode()
    return base64url(sha256(required).digest()).decode()


def base64url(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def unbase64url(data: bytes) -> bytes:
    assert re.fullmatch(rb"[A-Za-z0-9_-]*", data)
    return urlsafe_b64decode(data + b"=" * (-len(data) % 4))
