"""Versions and signatures between two banks, and what a bank does not take from the other."""

import json
from typing import Any

import pytest
from sqlalchemy.orm import Session

from node.errors import RejectedError
from node.trades.agreement.negotiating import COMPLETED, CONSENT, OFFER, WITHDRAW, Papers
from node.trades.agreement.versions import is_completed
from node.trades.errors import (
    InvoiceRejectedError,
    NotPermittedError,
    OfferRejectedError,
    TermsRejectedError,
    UnknownTradeError,
    WrongStateError,
)
from tests.unit.messages.post import message as json_message
from tests.unit.trades import story
from tests.unit.trades.terms_help import checked, complete
from tests.unit.trades.world import World, clerk, customer, example

BANKS = ("bank-nl", "bank-ke")
STRANGER = customer("bank-nl", "vanrijn")


def drafted() -> World:
    world = story.start(BANKS)
    story.draft(world)
    return world


def test_both_banks_have_the_same_terms_when_each_has_filled_in_its_accounts() -> None:
    world = drafted()
    views = [story.view(world[bank]) for bank in BANKS]
    assert views[0].trade_id == views[1].trade_id is not None
    assert [view.open_accounts for view in views] == [[], []]
    assert [payee.name for payee in views[0].payees][-1] == "Naivasha Roses Ltd"


def test_each_bank_fills_in_its_customers_address_when_the_terms_leave_it_out() -> None:
    world = story.start(BANKS)
    story.draft(world, _without_addresses())
    found = []
    for bank in BANKS:
        with world[bank].database.read() as session:
            desk = world[bank].trades.desk
            found.append(desk.document(session, desk.trade(session, story.REFERENCE)))
    assert found[0] == found[1]
    addresses = [party.address for party in (found[0].importer, found[0].exporter)]
    assert [None if one is None else one.town for one in addresses] == ["Aalsmeer", "Naivasha"]
    story.counter(world, _without_addresses().replace(b"share_bps = 200", b"share_bps = 150"))
    with world["bank-ke"].database.read() as session:
        desk = world["bank-ke"].trades.desk
        countered = desk.document(session, desk.trade(session, story.REFERENCE))
    assert [countered.importer.address, countered.exporter.address] == addresses
    assert story.refused(world["bank-nl"]) == story.refused(world["bank-ke"]) == []


def test_a_bank_may_not_change_an_address_that_the_terms_have() -> None:
    document = checked()
    theirs = complete().importer.address
    assert theirs is not None
    account = complete().importer.account
    filled = document.model_copy(update={"importer": document.importer.model_copy(update={"account": account})})
    assert is_completed(document, filled, "bank-nl")
    moved = theirs.model_copy(update={"town": "Delft"})
    changed = filled.importer.model_copy(update={"address": moved})
    assert not is_completed(document, filled.model_copy(update={"importer": changed}), "bank-nl")
    assert not is_completed(document, filled, "bank-ke")


def _without_addresses() -> bytes:
    lines = example("roses/terms.toml").splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"address"))


def test_a_counter_offer_needs_both_signatures_anew() -> None:
    world = drafted()
    world["bank-ke"].run(world["bank-ke"].trades.agreement.sign, story.REFERENCE, story.EXPORTER, None)
    world.settle_down()
    assert story.view(world["bank-nl"]).signed_by == ["Naivasha Roses Ltd"]
    story.counter(world)
    for bank in BANKS:
        view = story.view(world[bank])
        assert (view.version, view.signed_by, view.state) == (2, [], "negotiating")
    story.sign(world)
    for bank in BANKS:
        assert story.view(world[bank]).state == "agreed"
    assert story.refused(world["bank-nl"]) == story.refused(world["bank-ke"]) == []


def test_the_importers_version_stands_when_both_counter_at_once() -> None:
    world = drafted()
    ke, nl = world["bank-ke"], world["bank-nl"]
    mine = example("roses/terms.toml").replace(b"share_bps = 200", b"share_bps = 150")
    ke.run(ke.trades.agreement.counter, story.REFERENCE, Papers(mine), story.EXPORTER, None)
    nl.run(
        nl.trades.agreement.counter, story.REFERENCE, Papers(example("roses/terms-counter.toml")), story.IMPORTER, None
    )
    world.settle_down()
    views = [story.view(world[bank]) for bank in BANKS]
    assert views[0].trade_id == views[1].trade_id
    assert views[1].milestones[0].weight_percent == "30.00 %"
    story.sign(world)
    assert story.view(ke).state == story.view(nl).state == "agreed"


def test_what_a_version_changed_is_told() -> None:
    world = drafted()
    story.counter(world)
    desk = world["bank-ke"]
    with desk.database.read() as session:
        versions = desk.trades.views.versions(session, desk.trades.desk.trade(session, story.REFERENCE))
    assert [(row.proposed_by, len(changed)) for row, changed in versions] == [("exporter", 0), ("importer", 3)]


def test_a_draft_is_refused_when_invoice_and_terms_differ() -> None:
    world = story.start(BANKS)
    desk = world["bank-ke"]
    other = example("roses/invoice.xml").replace(b"INV-2026-0817", b"INV-2026-0818")
    with pytest.raises(InvoiceRejectedError, match="ID: expected INV-2026-0817"):
        desk.run(desk.trades.agreement.draft, Papers(example("roses/terms.toml"), other), story.EXPORTER, None)
    with pytest.raises(UnknownTradeError):
        story.view(desk)


def test_steps_are_refused_when_the_actor_is_no_party() -> None:
    world = drafted()
    nl, ke = world["bank-nl"], world["bank-ke"]
    for step in (nl.trades.agreement.sign,):
        with pytest.raises(UnknownTradeError):
            nl.run(step, story.REFERENCE, STRANGER, None)
    with pytest.raises(UnknownTradeError):
        nl.run(nl.trades.funding.fund, story.REFERENCE, STRANGER)
    with pytest.raises(NotPermittedError, match="side: expected importer, got exporter"):
        nl.run(nl.trades.agreement.sign, story.REFERENCE, story.IMPORTER, "exporter")
    vases = Papers(example("no-delivery/terms.toml"))
    with pytest.raises(NotPermittedError, match="side"):
        nl.run(nl.trades.agreement.draft, vases, clerk("bank-nl"), None)
    with pytest.raises(TermsRejectedError, match="bank-ke as the bank of one side"):
        ke.run(ke.trades.agreement.draft, Papers(example("no-delivery/terms.toml")), story.EXPORTER, None)


def test_a_version_is_refused_when_it_is_the_same_or_about_others() -> None:
    world = drafted()
    nl = world["bank-nl"]
    counter = nl.trades.agreement.counter
    with pytest.raises(WrongStateError, match="terms that differ"):
        nl.run(counter, story.REFERENCE, Papers(example("roses/terms.toml")), story.IMPORTER, None)
    swapped = (
        example("roses/terms-counter.toml")
        .replace(b'customer = "bloem"', b'customer = "vanrijn"')
        .replace(b"Bloemenhuis BV", b"Van Rijn Trading BV")
    )
    for invoice, error in (
        (None, "AccountingCustomerParty"),
        (example("roses/invoice.xml"), "AccountingCustomerParty"),
    ):
        with pytest.raises(RejectedError, match=error):
            nl.run(counter, story.REFERENCE, Papers(swapped, invoice), story.IMPORTER, None)
    renamed = example("roses/invoice.xml").replace(b"Bloemenhuis BV", b"Van Rijn Trading BV")
    with pytest.raises(TermsRejectedError, match="another party is another trade"):
        nl.run(counter, story.REFERENCE, Papers(swapped, renamed), story.IMPORTER, None)
    ke = world["bank-ke"]
    papers = Papers(example("roses/terms.toml"), example("roses/invoice.xml"))
    with pytest.raises(WrongStateError, match="a new reference"):
        ke.run(ke.trades.agreement.draft, papers, story.EXPORTER, None)


def test_nothing_can_be_countered_when_both_have_signed_or_one_has_withdrawn() -> None:
    world = drafted()
    story.counter(world)
    story.sign(world)
    nl, ke = world["bank-nl"], world["bank-ke"]
    with pytest.raises(WrongStateError, match="being negotiated"):
        nl.run(nl.trades.agreement.counter, story.REFERENCE, Papers(example("roses/terms.toml")), story.IMPORTER, None)
    with ke.database.transaction() as session:
        ke.trades.agreement.withdraw(session, story.REFERENCE, story.EXPORTER)
    world.settle_down()
    assert story.view(nl).state == story.view(ke).state == "withdrawn"
    with pytest.raises(WrongStateError):
        nl.run(nl.trades.funding.fund, story.REFERENCE, story.IMPORTER)


def send(world: World, to: str, kind: str, body: dict[str, Any], sender: str) -> None:
    """Hand a message to its handler, as the inbox does."""
    handlers = world[to].messages._handlers

    def handle(session: Session, _: int) -> None:
        handlers[kind](session, json_message("m1", sender, to, kind, body))

    world[to].run(handle)


def offer_of(world: World, **changes: Any) -> dict[str, Any]:
    """Return the counter-offer that bank-nl would send, with its document changed."""
    nl = world["bank-nl"]
    with nl.database.read() as session:
        document = json.loads(nl.trades.desk.version(session, nl.trades.desk.trade(session, story.REFERENCE)).document)
    for path, value in changes.items():
        part = document
        *steps, last = path.split("__")
        for step in steps:
            part = part[int(step)] if step.isdigit() else part[step]
        part[last] = value
    text = json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return {"reference": story.REFERENCE, "version": 2, "side": "importer", "document": text, "invoice": None}


OFFERS: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "our customer's account replaced": ({"exporter__account": "0x" + "11" * 20}, {}, "bank-nl", "exporter.account"),
    "another exporter": ({"exporter__customer": "kra"}, {}, "bank-nl", "exporter"),
    "weights that do not add up": ({"milestones__0__weight_bps": 1}, {}, "bank-nl", "milestones.weight_bps"),
    "a deadline in the past": ({"milestones__0__deadline_s": 1}, {}, "bank-nl", "milestones.0.deadline"),
    "an attester's account replaced": (
        {
            "milestones__0__attesters": [{"institution": "carrier", "account": "0x" + "11" * 20}],
            "milestones__0__quorum": 1,
        },
        {},
        "bank-nl",
        "milestones.0.attesters.0.account",
    ),
    "unknown key": ({"colour": "red"}, {}, "bank-nl", "colour"),
    "a float": ({"milestones__0__weight_bps": 1.5}, {}, "bank-nl", "milestones.0.weight_bps"),
    "from a bank of nobody": ({}, {}, "fx-amber", "side"),
    "for the other side": ({}, {"side": "exporter"}, "bank-nl", "side"),
    "a version too far": ({"goods": "more"}, {"version": 4}, "bank-nl", "version"),
    "version as text": ({}, {"version": "2"}, "bank-nl", "version"),
    "an invoice that is not named": ({"goods": "more"}, {"invoice": "AAAA"}, "bank-nl", "invoice.sha256"),
}


@pytest.mark.parametrize(("changes", "outer", "sender", "field"), OFFERS.values(), ids=OFFERS)
def test_an_offer_is_refused_with_the_field_when_something_is_wrong(
    negotiating: World, changes: dict[str, Any], outer: dict[str, Any], sender: str, field: str
) -> None:
    body = {**offer_of(negotiating, **changes), **outer}
    with pytest.raises(RejectedError) as caught:
        send(negotiating, "bank-ke", OFFER, body, sender)
    assert getattr(caught.value, "field", None) == field
    assert story.view(negotiating["bank-ke"]).version == 1


@pytest.fixture(scope="module")
def negotiating() -> World:
    return drafted()


def test_accounts_are_refused_when_the_other_bank_changed_something_else(negotiating: World) -> None:
    body = {**offer_of(negotiating, goods="tulips"), "version": 1}
    with pytest.raises(OfferRejectedError, match="our version with the other bank's accounts"):
        send(negotiating, "bank-ke", COMPLETED, body, "bank-nl")


def test_a_signature_is_refused_when_it_is_not_the_partys(negotiating: World) -> None:
    view = story.view(negotiating["bank-ke"])
    stranger = negotiating["bank-nl"].participants.sign_digest(bytes(32)).hex()
    body = {
        "reference": story.REFERENCE,
        "version": 1,
        "side": "importer",
        "trade_id": view.trade_id,
        "valid_until": str(view.fund_by_s),
        "action": "7",
        "signature": "0x" + stranger,
    }
    for changes, field in (
        ({}, "signature"),
        ({"signature": "0x" + "00" * 65}, "signature"),
        ({"side": "exporter"}, "side"),
        ({"trade_id": "0x" + "00" * 32}, "version"),
        ({"version": 3}, "version"),
        ({"action": 7}, "action"),
    ):
        with pytest.raises(RejectedError) as caught:
            send(negotiating, "bank-ke", CONSENT, {**body, **changes}, "bank-nl")
        assert getattr(caught.value, "field", None) == field
    with pytest.raises(OfferRejectedError):
        send(negotiating, "bank-ke", WITHDRAW, {"reference": story.REFERENCE}, "fx-amber")
    assert story.view(negotiating["bank-ke"]).signed_by == []


def test_both_banks_follow_the_funded_version_when_a_replaced_one_is_funded() -> None:
    """The importer counters what the exporter has signed, and then funds that version nevertheless."""
    world = story.start()
    terms = example("no-delivery/terms.toml").replace(
        b'bank = "bank-nl"\ncustomer = "vanrijn"', b'bank = "bank-ke"\ncustomer = "naivasha"'
    )
    terms = terms.replace(b"Van Rijn Trading BV", b"Naivasha Roses Ltd")
    nl, ke = world["bank-nl"], world["bank-ke"]
    reference = "VR-2026-0098"
    ke.run(ke.trades.agreement.draft, Papers(terms), story.EXPORTER, None)
    world.settle_down()
    ke.run(ke.trades.agreement.sign, reference, story.EXPORTER, None)
    world.settle_down()
    first = story.view(ke, reference).trade_id
    later = terms.replace(b"2026-08-28T18", b"2026-08-29T18")
    nl.run(nl.trades.agreement.counter, reference, Papers(later), story.IMPORTER, None)
    world.settle_down()
    assert story.view(ke, reference).version == 2

    with nl.database.transaction() as session:
        trade = nl.trades.desk.trade(session, reference)
        trade.version, trade.trade_id = 1, bytes.fromhex((first or "")[2:])
        session.flush()
        now_s = world.ledger.now_s
        nl.trades.agreement.sign(session, reference, story.IMPORTER, None, now_s)
        nl.trades.funding.fund(session, reference, story.IMPORTER, now_s)
    world.settle_down()
    for desk in (nl, ke):
        view = story.view(desk, reference)
        assert (view.state, view.failure, view.version, view.trade_id) == ("funded", None, 1, first)
