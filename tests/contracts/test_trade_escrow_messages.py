"""TradeEscrow: every signed message counts once, for its signer, until it is revoked; contracts may sign (EIP-1271)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import boa
import pytest

from contracts.client.typed_data import TYPES, as_tuple, digest
from tests.contracts.support import advance, now_s
from tests.contracts.trades import BPS, INVOICE, Fields
from tests.contracts.trades_fx import EXAMPLE, ContractParty, FxWorld

REVOKED = "escrow: digest used or revoked"
Submit = Callable[[tuple[int, int, bytes]], Any]


@dataclass
class Prepared:
    """A message that would be taken now; `submit` sends it with a `SignedConsent`."""

    signer: str
    message: Fields
    submit: Submit


def plain(world: FxWorld) -> Fields:
    terms = world.terms()
    world.fund(terms)
    return terms


def due(world: FxWorld) -> Fields:
    terms = plain(world)
    world.make_due(terms)
    return terms


def prepare_consent(world: FxWorld) -> Prepared:
    terms = world.terms()
    return Prepared("importer", {"terms": terms}, lambda consent: world.fund(terms, importer=consent))


def prepare_attestation(world: FxWorld) -> Prepared:
    terms = plain(world)
    message = world.attestation(terms, 0)
    return Prepared(
        "attester",
        message,
        lambda consent: world.submit_attestation(
            terms, world.attesters[0], message | {"valid_until": consent[0], "action": consent[1]}
        ),
    )


def prepare_cancel(world: FxWorld) -> Prepared:
    terms = plain(world)
    message = world.cancel_message(terms)
    own = world.consent(world.importer, "Cancel", message)
    return Prepared("exporter", message, lambda consent: world.escrow.cancel(world.trade_id(terms), own, [consent], []))


def prepare_accept(world: FxWorld) -> Prepared:
    terms = plain(world)
    message = world.party_message(terms, 0)
    return Prepared("importer", message, lambda consent: world.escrow.accept(world.trade_id(terms), 0, consent))


def prepare_dispute(world: FxWorld) -> Prepared:
    terms = due(world)
    message = world.party_message(terms, 0, reason_hash=b"\5" * 32)
    arguments = (world.trade_id(terms), 0, world.exporter.address, b"\5" * 32)
    return Prepared("exporter", message, lambda consent: world.escrow.dispute(*arguments, consent))


def prepare_award(world: FxWorld) -> Prepared:
    terms = due(world)
    world.dispute(terms, 0, world.importer)
    trade_id = world.trade_id(terms)
    message = {
        "trade_id": trade_id,
        "milestone": 0,
        "milestone_hash": world.milestone_hash(terms, 0),
        "dispute": bytes(world.escrow.get_dispute(trade_id, 0).digest),
        "share_bps": 5_000,
        "reason_hash": b"\5" * 32,
    }
    return Prepared("arbiter", message, lambda consent: world.escrow.award(trade_id, 0, 5_000, b"\5" * 32, consent))


def prepare_waive(world: FxWorld) -> Prepared:
    terms = plain(world)
    message = world.party_message(terms, 0, amount=5)
    return Prepared("exporter", message, lambda consent: world.escrow.waive(world.trade_id(terms), 0, 5, consent))


def prepare_assign(world: FxWorld) -> Prepared:
    terms = plain(world)
    message = world.party_message(terms, 0, assignee=world.financier.address)
    other = world.consent(world.exporter, "Assign", message)
    milestone = as_tuple("Milestone", terms["milestones"][0])
    arguments = (world.trade_id(terms), 0, milestone, world.financier.address, other)
    return Prepared("financier", message, lambda consent: world.escrow.assign(*arguments, consent))


def prepare_amend(world: FxWorld) -> Prepared:
    terms = plain(world)
    new = world.amended(terms, payees=[])
    message = {"trade_id": world.trade_id(terms), "version": 1, "terms": new}
    own = world.consent(world.importer, "Amend", message)
    arguments = (world.trade_id(terms), as_tuple("Terms", new), own)
    return Prepared("exporter", message, lambda consent: world.escrow.amend(*arguments, [consent], [], []))


def prepare_choose_quote(world: FxWorld) -> Prepared:
    terms = world.float_terms()
    world.fund_float(terms)
    world.accept(terms)
    quote = world.spot(terms, 150)
    message = world.party_message(terms, 0, quote=digest(world.fx_domain, "Quote", quote), least=1)
    return Prepared("importer", message, lambda consent: world.settle_float(terms, 0, quote, choice=[(1, consent)]))


def prepare_defer(world: FxWorld) -> Prepared:
    terms = world.float_terms(fx={"option": 1})
    world.fund_float(terms)
    deadline = terms["milestones"][0]["deadline"] + 1
    message = world.party_message(terms, 0, deadline=deadline)
    return Prepared(
        "exporter", message, lambda consent: world.escrow.defer(world.trade_id(terms), 0, deadline, consent)
    )


def prepare_close_out_of_band(world: FxWorld) -> Prepared:
    terms = world.float_terms(fx={"option": 2})
    world.fund_float(terms)
    world.report(140)
    world.report(140)
    return Prepared(
        "exporter",
        world.cancel_message(terms),
        lambda consent: world.escrow.close_out_of_band(world.trade_id(terms), False, [consent]),
    )


PREPARED: Final[dict[str, Callable[[FxWorld], Prepared]]] = {
    "Consent": prepare_consent,
    "Attestation": prepare_attestation,
    "Cancel": prepare_cancel,
    "Accept": prepare_accept,
    "Dispute": prepare_dispute,
    "Award": prepare_award,
    "Waive": prepare_waive,
    "Assign": prepare_assign,
    "Amend": prepare_amend,
    "ChooseQuote": prepare_choose_quote,
    "Defer": prepare_defer,
    "CloseOutOfBand": prepare_close_out_of_band,
}


def signer_of(world: FxWorld, prepared: Prepared) -> Any:
    return world.attesters[0] if prepared.signer == "attester" else getattr(world, prepared.signer)


def signed(world: FxWorld, name: str, prepared: Prepared) -> tuple[bytes, tuple[int, int, bytes]]:
    """The message's digest and its consent, recorded where an institution signs."""
    message = prepared.message | world.stamp(valid_until=now_s() + 300)
    signer = signer_of(world, prepared)
    message_digest = digest(world.escrow_domain, name, message)
    if prepared.signer in ("attester", "arbiter"):
        world.record(signer, message_digest)
    signature = signer.sign(world.escrow_domain, name, message)
    return message_digest, (message["valid_until"], message["action"], signature)


def test_every_message_of_the_escrow_is_prepared_here() -> None:
    about_trades = {name for name, fields in TYPES.items() if ("action", "uint256") in fields}
    assert set(PREPARED) == about_trades


@pytest.mark.parametrize("name", PREPARED)
def test_message_is_refused_when_its_signer_revoked_it(market: FxWorld, name: str) -> None:
    prepared = PREPARED[name](market)
    message_digest, consent = signed(market, name, prepared)
    with boa.env.anchor():
        prepared.submit(consent)
        with boa.reverts(REVOKED):
            market.escrow.revoke(message_digest, sender=signer_of(market, prepared).address)
    market.escrow.revoke(message_digest, sender=market.stranger.address)
    with boa.env.anchor():
        prepared.submit(consent)  # a stranger's word about it counts for nothing
    market.escrow.revoke(message_digest, sender=signer_of(market, prepared).address)
    with boa.reverts(REVOKED):
        prepared.submit(consent)
    with boa.reverts(REVOKED):
        market.escrow.revoke(message_digest, sender=signer_of(market, prepared).address)


@pytest.mark.parametrize("name", PREPARED)
def test_message_counts_until_its_last_second(market: FxWorld, name: str) -> None:
    prepared = PREPARED[name](market)
    _, (valid_until, action, signature) = signed(market, name, prepared)
    boa.env.timestamp = valid_until
    with boa.env.anchor():
        prepared.submit((valid_until, action, signature))
    advance(1)
    with boa.reverts("escrow: signature expired"):
        prepared.submit((valid_until, action, signature))


@pytest.mark.parametrize("name", [name for name in PREPARED if name not in ("Consent", "Attestation")])
def test_message_uses_its_action_number_up(market: FxWorld, name: str) -> None:
    prepared = PREPARED[name](market)
    trade_id, signer = prepared.message["trade_id"], signer_of(market, prepared)
    _, consent = signed(market, name, prepared)
    assert not market.escrow.is_action_used(trade_id, signer.address, consent[1])
    prepared.submit(consent)
    assert market.escrow.is_action_used(trade_id, signer.address, consent[1])


@pytest.mark.parametrize("name", [name for name in PREPARED if name not in ("Attestation", "Award")])
def test_message_counts_when_its_signer_is_the_caller(market: FxWorld, name: str) -> None:
    prepared = PREPARED[name](market)
    with boa.reverts("escrow: bad signature"):
        prepared.submit((now_s(), 77, b""))
    with boa.env.prank(signer_of(market, prepared).address):
        if name in ("Consent", "ChooseQuote"):
            market.relayer = signer_of(market, prepared)
        try:
            prepared.submit((now_s(), 77, b""))
        finally:
            market.relayer = type(market.stranger)("relayer")


# Contracts as parties ------------------------------------------------------------------------------------------------


@pytest.fixture
def contract_parties(market: FxWorld, monkeypatch: pytest.MonkeyPatch) -> FxWorld:
    """Importer and exporter are contracts; the importer's has the money."""
    importer, exporter = ContractParty(market.importer), ContractParty(market.exporter)
    market.eur.transfer(importer.address, 5_000_000, sender=market.importer.address)
    monkeypatch.setattr(market, "importer", importer)
    monkeypatch.setattr(market, "exporter", exporter)
    return market


def test_contract_parties_fund_dispute_amend_accept_and_are_paid(contract_parties: FxWorld) -> None:
    world = contract_parties
    terms = world.terms()
    world.fund(terms)
    world.make_due(terms)
    world.dispute(terms, 0, world.importer)
    world.award(terms, 0, 5_000)
    world.settle(terms)
    new = world.amended(terms, payees=[])
    world.amend(terms, new)
    world.waive(new, 1, 3)
    world.accept(new, 1)
    world.settle(new, 1)
    # Half of 300.00 less 16 % and 0.5 %, then 700.00 without payees.
    assert world.balances(world.eur, world.exporter) == [15_000 - 2_400 - 75 + 70_000]


def test_contract_parties_convert_top_up_and_choose(contract_parties: FxWorld) -> None:
    world = contract_parties
    terms = world.float_terms(BPS)
    world.fund_float(terms)
    world.report(144)
    world.reprice(terms)
    world.top_up(terms, 43_171)
    world.accept(terms)
    world.settle_float(terms, 0, world.spot(terms, "143.28"), world.importer)
    assert world.balances(world.kes, world.exporter) == [EXAMPLE]


def test_contract_parties_lock_cancel_assign_and_close(contract_parties: FxWorld) -> None:
    world = contract_parties
    lock = world.lock_terms()
    world.fund_lock(lock)
    world.assign(lock)
    world.cancel(lock, holders=[world.financier, world.exporter])
    optional = world.float_terms(fx={"option": 2})
    world.fund_float(optional)
    world.report(140)
    world.report(140)
    world.close_out_of_band(optional, world.exporter, by_importer=False)
    assert world.balances(world.eur, world.importer) == [5_000_000 - 500 - 700]


@pytest.mark.parametrize("party", ["importer", "exporter"])
def test_contract_party_is_refused_when_it_did_not_approve(contract_parties: FxWorld, party: str) -> None:
    world = contract_parties
    terms = world.terms()
    with boa.reverts("escrow: bad signature"):
        world.fund(terms, **{party: (now_s(), 1, b"approved")})
    world.fund(terms)
    message = world.cancel_message(terms)
    consents = {name: world.consent(getattr(world, name), "Cancel", message) for name in ("importer", "exporter")}
    consents[party] = (now_s(), 99, b"approved")
    with boa.reverts("escrow: bad signature"):
        world.escrow.cancel(world.trade_id(terms), consents["importer"], [consents["exporter"]], [])
    # The owner's own signature is not the contract's.
    consents[party] = world.consent(getattr(world, party).owner, "Cancel", message)
    with boa.reverts("escrow: bad signature"):
        world.escrow.cancel(world.trade_id(terms), consents["importer"], [consents["exporter"]], [])
    assert world.held(terms) == INVOICE


def test_contract_party_is_refused_when_it_took_its_approval_back(contract_parties: FxWorld) -> None:
    world = contract_parties
    terms = world.terms()
    world.fund(terms)
    message = world.party_message(terms, 0) | world.stamp()
    world.importer.sign(world.escrow_domain, "Accept", message)
    account: Any = world.importer
    approved = digest(world.escrow_domain, "Accept", message)
    account.contract.approve(approved, False, sender=account.owner.address)
    consent = (message["valid_until"], message["action"], b"approved")
    with boa.reverts("escrow: bad signature"):
        world.escrow.accept(world.trade_id(terms), 0, consent)
    account.contract.approve(approved, True, sender=account.owner.address)
    world.escrow.accept(world.trade_id(terms), 0, consent)
