"""`landfall verify`: is this evidence pack true? Needs no node and no network."""

import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.app.cli.output import print_json, print_line
from node.app.errors import SettingsError
from node.app.names import GENESIS_HASH_FILE

if TYPE_CHECKING:
    from bridge.proofs.verified import VerifiedPack, VerifiedQuote

_HASH = re.compile(r"(0x)?[0-9a-fA-F]{64}")


def run(
    pack: Annotated[Path, typer.Argument(help="Evidence pack (JSON) to verify", exists=True, dir_okay=False)],
    genesis_hash: Annotated[
        str | None, typer.Option(help="Genesis hash you trust, 64 hex digits (default: the devnet's)")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for machines")] = False,
) -> None:
    """Verify an evidence pack offline: exit code 0 = yes, 1 = no."""
    from bridge.errors import EvidenceError
    from bridge.proofs.evidence import verify_pack

    trusted = _trusted_hash(genesis_hash)
    try:
        verified = verify_pack(pack.read_bytes(), trusted)
    except EvidenceError as error:
        _say_no(pack, error, as_json)
        raise typer.Exit(1) from error
    _say_yes(pack, verified, as_json)


def _trusted_hash(given: str | None) -> bytes:
    text = files("node.app").joinpath(GENESIS_HASH_FILE).read_text("ascii").strip() if given is None else given
    if not _HASH.fullmatch(text):
        raise SettingsError(f"--genesis-hash: expected 64 hex digits, got {text[:80]!r}")
    return bytes.fromhex(text.removeprefix("0x"))


def _say_yes(pack: Path, verified: "VerifiedPack", as_json: bool) -> None:
    if as_json:
        print_json({"verdict": "yes", **_facts(verified)})
        return
    print_line(f"yes: {pack} is true under genesis hash {verified.genesis_hash.hex()}")
    for line in verified.statement:
        print_line(f"  {line}")


def _say_no(pack: Path, error: Any, as_json: bool) -> None:
    if as_json:
        print_json({"verdict": "no", "path": error.path, "reason": str(error)})
    else:
        print_line(f"no: {pack} is not true: {error}")


def _facts(verified: "VerifiedPack") -> dict[str, Any]:
    return {
        "genesis_hash": verified.genesis_hash.hex(),
        "network": verified.network,
        "trade_id": "0x" + verified.trade_id.hex(),
        "invoice": {"currency": verified.invoice_token.currency, "amount_minor": str(verified.invoice_minor)},
        "funding": {"currency": verified.funding_token.currency, "amount_minor": str(verified.funding_minor)},
        "terms_version": verified.version,
        "paid_minor": str(verified.paid_minor),
        "paid_in_funding_minor": str(sum(one.paid_funding_minor for one in verified.milestones)),
        "refunded_minor": str(verified.refunded_minor),
        "waived_minor": str(sum(one.waived_minor for one in verified.milestones)),
        "fx_adjustment_minor": str(verified.fx_adjustment_minor),
        "premium_minor": str(verified.premium_minor),
        "cancel_fee_minor": str(verified.cancel_fee_minor),
        "conversions": [_conversion(quote) for quote in verified.quotes if quote.is_used],
        "blocks": len(verified.blocks),
        "validator_changes": verified.validator_changes,
        "statement": list(verified.statement),
    }


def _conversion(quote: "VerifiedQuote") -> dict[str, Any]:
    """Return what an exchange moved and cost; spread and fee apart, null where the pack proves no median."""
    return {
        "provider": quote.provider,
        "milestone": quote.milestone,
        "sold_minor": str(quote.sell_minor),
        "bought_minor": str(quote.buy_minor),
        "spread_minor": None if quote.spread_minor is None else str(quote.spread_minor),
        "fee_minor": None if quote.fee_minor is None else str(quote.fee_minor),
    }
