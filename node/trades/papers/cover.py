"""The cover sheet of an evidence pack: what file it is, and how anybody checks it without us."""

import json
from dataclasses import dataclass
from hashlib import sha256

from markupsafe import Markup

from node.participants.directory import Institution
from node.printing import qr
from node.printing.languages import Speech
from node.printing.layout import check_rows
from node.trades.evidence.packs import pack_name
from node.trades.papers.summary import SHEETS
from node.trades.views.schemas import TradeOut


@dataclass(frozen=True, slots=True)
class PackFacts:
    """What identifies a pack, and what it proves under which genesis."""

    name: str
    size_bytes: int
    sha256: str
    genesis_hash: str
    chain_id: int
    statement: tuple[str, ...]

    @property
    def commands(self) -> tuple[str, ...]:
        """What to run, with nothing but the file and these two hashes."""
        # The second is longer than a line of the sheet; a shell joins what a backslash ends.
        return (f"sha256sum {self.name}", f"landfall verify {self.name} \\\n  --genesis-hash {self.genesis_hash}")


def pack_facts(pack: bytes, reference: str) -> PackFacts:
    """Return what a cover sheet says of a pack that this bank has built and verified."""
    told = json.loads(pack)
    return PackFacts(
        name=pack_name(reference),
        size_bytes=len(pack),
        sha256=sha256(pack).hexdigest(),
        genesis_hash=str(told["genesis"]["hash"]).removeprefix("0x"),
        chain_id=int(told["genesis"]["chain_id"]),
        statement=tuple(str(line) for line in told["statement"]),
    )


def cover_page(facts: PackFacts, trade: TradeOut, issuer: Institution, speech: Speech, now_s: int) -> str:
    """Return the page of a cover sheet."""
    check_rows(len(facts.statement))
    code = qr.svg(facts.sha256, speech.text("QR code of the pack's SHA-256"), facts.sha256)
    return SHEETS.render(
        "trades/cover.html",
        speech,
        issuer=issuer.name,
        created_s=now_s,
        facts=facts,
        trade=trade,
        code=Markup(code),  # noqa: S704 - made by segno of hex digits
    )
