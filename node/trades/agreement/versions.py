"""Versions of the terms as they are stored and as they travel: what may change, what must stay, how a body is read."""

import base64
import binascii
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final, TypeVar

from node.participants.addresses import PostalAddress
from node.quotes.wire import text_of
from node.trades import store
from node.trades.context import SIDES
from node.trades.errors import OfferRejectedError, TermsRejectedError, WrongStateError
from node.trades.limits import INVOICE_BYTES_MAX, TERMS_BYTES_MAX
from node.trades.store import Trade
from node.trades.terms import document as doc
from node.trades.terms.document import TermsDocument
from node.trades.terms.invoice import check_agreement, parse_invoice

Found = TypeVar("Found")
Find = Callable[[str, str], Found | None]
VERSIONS_MAX: Final = 50
"""Versions of one trade: a negotiation, not a loop."""


def new_trade(document: TermsDocument, now_s: int) -> Trade:
    return Trade(
        reference=document.reference,
        state=store.NEGOTIATING,
        importer_bank=document.importer.bank,
        exporter_bank=document.exporter.bank,
        importer=document.importer.customer,
        exporter=document.exporter.customer,
        version=1,
        trade_id=None,
        created_at_s=now_s,
        quote_request=None,
        fund_attempts=0,
        fund_failure=None,
        funding_minor=None,
        funded_at_s=None,
        hold_expires_at_s=document.hold_expires_at_s,
        chain_version=None,
        closed_cause=None,
        closed_at_s=None,
    )


def require_open(trade: Trade, expected: str) -> None:
    if trade.state != store.NEGOTIATING:
        raise WrongStateError("state", expected, trade.state)


def require_same_parties(before: TermsDocument, after: TermsDocument) -> None:
    for side in SIDES:
        old, new = before.side(side), after.side(side)
        if (old.bank, old.customer) != (new.bank, new.customer):
            raise TermsRejectedError(
                side, f"{old.customer} at {old.bank}; another party is another trade", new.customer
            )
    if before.reference != after.reference:
        raise TermsRejectedError("reference", before.reference, after.reference)


def known_accounts(document: TermsDocument) -> dict[tuple[str, str | None], str]:
    parts: list[doc.Party | doc.Payee] = [document.importer, document.exporter, *document.payees]
    return {(part.bank, part.customer): part.account for part in parts if part.account is not None}


def fill_in(document: TermsDocument, account: Find[str], address: Find[PostalAddress]) -> TermsDocument:
    """Return the document with its open accounts filled in; with a party's account comes its address, if it lacks one.

    Args:
        account: (bank, customer) to the account, None where it stays open.
        address: (bank, customer) to the postal address, None where it is not known.
    """

    def filled(part: Any) -> Any:
        if part.account is not None or part.customer is None:
            return part
        found: dict[str, Any] = {"account": account(part.bank, part.customer)}
        if isinstance(part, doc.Party) and part.address is None:
            found["address"] = address(part.bank, part.customer)
        return part.model_copy(update=found)

    parties = {side: filled(document.side(side)) for side in SIDES}
    return document.model_copy(update={**parties, "payees": tuple(filled(payee) for payee in document.payees)})


def is_completed(ours: TermsDocument, theirs: TermsDocument, bank: str) -> bool:
    """Tell whether `theirs` is our document with what that bank may fill in, and nothing else."""
    accounts = known_accounts(theirs)
    addresses = {(party.bank, party.customer): party.address for party in (theirs.importer, theirs.exporter)}
    filled = fill_in(
        ours,
        lambda at, customer: accounts.get((at, customer)) if at == bank else None,
        lambda at, customer: addresses.get((at, customer)) if at == bank else None,
    )
    return filled == theirs


def check_invoice(document: TermsDocument, invoice: bytes | None) -> None:
    found = None if invoice is None else sha256(invoice).hexdigest()
    if document.invoice.sha256 != found:
        raise OfferRejectedError("invoice.sha256", found or "none, as there is no invoice", document.invoice.sha256)
    if invoice is not None:
        check_agreement(parse_invoice(invoice), document)


def document_of(body: Mapping[str, Any]) -> TermsDocument:
    return doc.parse_document(text_of(body.get("document"), "document", length_max=TERMS_BYTES_MAX).encode())


def version_of(body: Mapping[str, Any]) -> int:
    version = body.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= VERSIONS_MAX:
        raise OfferRejectedError("version", f"1 to {VERSIONS_MAX}", version)
    return version


def invoice_of(body: Mapping[str, Any]) -> bytes | None:
    given = body.get("invoice")
    if given is None:
        return None
    try:
        return base64.b64decode(text_of(given, "invoice", length_max=2 * INVOICE_BYTES_MAX), validate=True)
    except binascii.Error as error:
        raise OfferRejectedError("invoice", "base64", str(error)) from error
