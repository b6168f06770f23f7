"""The log as a file: JSON lines; first a header, then entries, each signed head after the entry that it ends at.

`verify_lines` needs nothing but the file: every hash is computed again, every head's signature checked.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

import rfc8785
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.audit.errors import AuditFileError, TamperedError
from node.audit.heads import CONTEXT, HEAD
from node.audit.limits import JSON_DEPTH_MAX, LINE_BYTES_MAX
from node.audit.log import ENTRY, START, entry_hash
from node.audit.store import EntryRow, HeadRow
from node.json_depth import json_depth
from pqc import base64url, signatures
from pqc.errors import RejectedError as PqcRejectedError

FILE: Final = "landfall/audit/1"
_CHUNK: Final = 500


@dataclass(slots=True)
class Verdict:
    """What a file proves."""

    institution: str
    first: int
    """Number of its first entry; 1 where nothing before it is missing."""
    last: int
    hash: bytes
    heads: int = 0
    signed_until: int = 0
    """Number of the last entry that a signed head covers."""
    keys: set[str] = field(default_factory=set)
    """Key ids (RFC 7638) that signed; compare them with the institution's in the registry."""


def export_lines(session: Session, institution_id: str, first: int = 1) -> Iterator[str]:
    """Return the log from entry `first` on, line by line."""
    before = session.get(EntryRow, first - 1)
    header = {
        "type": FILE,
        "institution": institution_id,
        "first": first,
        "before": (START if before is None else before.hash).hex(),
    }
    yield _line(header)
    heads = {row.number: row for row in session.scalars(select(HeadRow).where(HeadRow.number >= first))}
    number = first
    while True:
        rows = session.scalars(
            select(EntryRow).where(EntryRow.number >= number).order_by(EntryRow.number).limit(_CHUNK)
        ).all()
        for row in rows:
            yield _line({"content": row.content, "hash": row.hash.hex()})
            head = heads.get(row.number)
            if head is not None:
                signature = base64url.encode(head.signature).decode()
                yield _line({"head": head.content, "signature": signature, "key": head.key})
        if len(rows) < _CHUNK:
            return
        number = rows[-1].number + 1
        session.expunge_all()


def read_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file; of one that is too long, as much as shows it."""
    while line := file.readline(LINE_BYTES_MAX + 1):
        yield line


def verify_lines(lines: Iterable[bytes], key_id: str | None = None) -> Verdict:
    """Return what the lines of a file prove.

    Args:
        key_id: The key that must have signed every head, as known from elsewhere.

    Raises:
        AuditFileError: this is no export.
        TamperedError: an entry or a head is not what was written.
    """
    walk = iter(lines)
    header = _parse(next(walk, b""), 1)
    if header.get("type") != FILE or not isinstance(header.get("first"), int) or header["first"] < 1:
        raise AuditFileError(f"line 1: expected the header of a {FILE}, got something else")
    verdict = Verdict(
        institution=str(header.get("institution")),
        first=header["first"],
        last=header["first"] - 1,
        hash=_bytes(header, "before", 1),
    )
    if verdict.first == 1 and verdict.hash != START:
        raise TamperedError("line 1", START.hex(), verdict.hash.hex())
    for place, line in enumerate(walk, start=2):
        parsed = _parse(line, place)
        if "content" in parsed:
            _check_entry(verdict, parsed, place)
        else:
            _check_head(verdict, parsed, place, key_id)
    return verdict


def _check_entry(verdict: Verdict, line: dict[str, Any], place: int) -> None:
    content = _text(line, "content", place)
    computed = entry_hash(verdict.hash, content)
    name = f"entry {verdict.last + 1} (line {place})"
    if _bytes(line, "hash", place) != computed:
        raise TamperedError(name, f"the hash {computed.hex()}", str(line.get("hash"))[:80])
    entry = _parse(content.encode(), place)
    if entry.get("type") != ENTRY or entry.get("number") != verdict.last + 1:
        raise TamperedError(name, f"a {ENTRY} of number {verdict.last + 1}", str(entry.get("number"))[:80])
    verdict.last, verdict.hash = verdict.last + 1, computed


def _check_head(verdict: Verdict, line: dict[str, Any], place: int, key_id: str | None) -> None:
    content, name = _text(line, "head", place), f"head (line {place})"
    head = _parse(content.encode(), place)
    if head.get("type") != HEAD:
        raise TamperedError(name, f"a {HEAD}", str(head.get("type"))[:80])
    if (head.get("number"), head.get("hash")) != (verdict.last, verdict.hash.hex()):
        raise TamperedError(name, f"entry {verdict.last} with hash {verdict.hash.hex()}", head.get("hash"))
    try:
        alg, public_key = signatures.from_jwk(line.get("key") or {})
        signature = base64url.decode("signature", _text(line, "signature", place).encode())
        signatures.verify(alg, public_key, content.encode(), signature, CONTEXT)
    except PqcRejectedError as error:
        raise TamperedError(name, "a valid signature", str(error)) from error
    signer = base64url.encode(signatures.thumbprint(alg, public_key)).decode()
    if key_id is not None and signer != key_id:
        raise TamperedError(name, f"a signature of key {key_id}", signer)
    verdict.heads += 1
    verdict.signed_until = verdict.last
    verdict.keys.add(signer)


def _parse(line: bytes, place: int) -> dict[str, Any]:
    if len(line) > LINE_BYTES_MAX:
        raise AuditFileError(f"line {place}: expected at most {LINE_BYTES_MAX} bytes, got {len(line)}")
    if json_depth(line) > JSON_DEPTH_MAX:
        raise AuditFileError(f"line {place}: expected JSON of at most {JSON_DEPTH_MAX} levels, got more")
    try:
        parsed = json.loads(line)
    except ValueError as error:
        raise AuditFileError(f"line {place}: expected JSON, got something else") from error
    if not isinstance(parsed, dict):
        raise AuditFileError(f"line {place}: expected an object, got {type(parsed).__name__}")
    return parsed


def _text(line: dict[str, Any], name: str, place: int) -> str:
    found = line.get(name)
    if not isinstance(found, str):
        raise AuditFileError(f"line {place}: expected a text {name}, got none")
    return found


def _bytes(line: dict[str, Any], name: str, place: int) -> bytes:
    try:
        return bytes.fromhex(_text(line, name, place))
    except ValueError as error:
        raise AuditFileError(f"line {place}: expected {name} in hex, got something else") from error


def _line(content: dict[str, Any]) -> str:
    data: bytes = rfc8785.dumps(content)
    return data.decode() + "\n"
