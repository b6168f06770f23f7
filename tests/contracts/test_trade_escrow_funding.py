"""TradeEscrow: which terms, consents and money start a trade (SPEC section 2)."""

from collections.abc import Callable
from typing import Any

import boa
import pytest

from contracts.client.typed_data import Domain, as_tuple, digest
from tests.contracts.support import (
    DAY_S,
    ROOT,
    ZERO_ADDRESS,
    ZERO_BYTES32,
    Actor,
    advance,
    advance_to,
    deploy,
    events_of,
    now_s,
)
from tests.contracts.trades import BPS, INVOICE, Fields, World, fx_terms, price, windows

HELPERS = ROOT / "tests" / "contracts" / "helpers"
WINDOWS_S = DAY_S + 2 * DAY_S + 3 * DAY_S + DAY_S  # dispute, award, grace, the last day

Change = Callable[[World, Fields], Fields]


@pytest.mark.parametrize(
    ("name", "zero"),
    [
        *((name, zero) for name in ("TradeEscrow", "TradeFunding", "TradeAmendment") for zero in range(4)),
        *(("TradePayment", zero) for zero in range(3)),
    ],
)
def test_escrow_refuses_deployment_when_a_contract_is_zero(world: World, name: str, zero: int) -> None:
    addresses = [world.registry.address, world.fx.address, world.oracle.address]
    addresses += [] if name == "TradePayment" else [world.escrow.address]
    addresses[zero] = ZERO_ADDRESS
    with boa.reverts("escrow: contract is zero"):
        deploy(name, *addresses)


def test_escrow_names_the_contracts_it_believes(world: World) -> None:
    escrow = world.escrow
    named = (escrow.REGISTRY(), escrow.FX_SETTLEMENT(), escrow.FX_ORACLE())
    assert named == (world.registry.address, world.fx.address, world.oracle.address)


def test_fund_holds_the_invoice_amount_when_both_parties_signed(world: World) -> None:
    terms = world.terms()
    before = world.eur.availableOf(world.importer.address)
    trade_id = world.fund(terms)
    (event,) = events_of(world.escrow, "TradeFunded")
    trade = world.escrow.get_trade(trade_id)
    hold = world.eur.get_hold(trade.invoice_hold)
    assert (event["trade_id"], event["invoice_amount"], event["funding_amount"]) == (trade_id, INVOICE, INVOICE)
    assert (hold.owner, hold.notary, hold.amount) == (world.importer.address, world.escrow.address, INVOICE)
    assert (hold.expires_at, hold.reference) == (terms["hold_expires_at"], trade_id)
    assert world.balances(world.eur, world.importer) == [before - INVOICE]
    assert (trade.milestones, trade.unsettled, trade.version, trade.closed) == (2, 2, 1, False)
    assert (trade.funded_at, tuple(trade.windows)) == (now_s(), as_tuple("Windows", terms["windows"]))


def test_fund_cuts_slices_by_floor_and_gives_the_last_the_rest(world: World) -> None:
    terms = world.terms(milestones=[world.milestone(weight, now_s() + DAY_S) for weight in (3_333, 3_333, 3_334)])
    trade_id = world.fund(terms)
    records = [world.escrow.get_milestone(trade_id, index) for index in range(3)]
    assert [record.amount for record in records] == [33_330, 33_330, 33_343]
    assert [bytes(record.terms_hash) for record in records] == [
        world.milestone_hash(terms, index) for index in range(3)
    ]
    assert {(record.state, record.outcome, record.due_at) for record in records} == {(1, 0, 0)}


def test_trade_id_of_is_the_digest_of_the_table(world: World) -> None:
    for terms in (world.terms(), world.converted_terms(payees=[], arbiter=ZERO_ADDRESS)):
        assert bytes(world.escrow.trade_id_of(as_tuple("Terms", terms))) == world.trade_id(terms)


def test_fund_is_refused_when_the_trade_exists(world: World) -> None:
    terms = world.terms()
    world.fund(terms)
    with boa.reverts("escrow: already funded"):
        world.fund(terms)


def test_fund_counts_until_the_last_second_of_fund_by(world: World) -> None:
    terms = world.terms()
    advance_to(terms["fund_by"])
    with boa.env.anchor():
        world.fund(terms)
    advance(1)
    with boa.reverts("escrow: funding closed"):
        world.fund(terms)


def changed(**fields: Any) -> Change:
    return lambda world, terms: terms | fields


def changed_milestone(**fields: Any) -> Change:
    return lambda world, terms: terms | {"milestones": [terms["milestones"][0] | fields, terms["milestones"][1]]}


def changed_windows(**fields: Any) -> Change:
    return lambda world, terms: terms | {"windows": terms["windows"] | fields}


BAD_TERMS: dict[str, tuple[Change, str | None]] = {
    "no importer": (changed(importer=ZERO_ADDRESS), "terms: importer is zero"),
    "no exporter": (changed(exporter=ZERO_ADDRESS), "terms: payee cannot be paid"),
    "one party": (lambda w, t: t | {"exporter": t["importer"]}, "terms: parties are the same"),
    "exporter is the token": (lambda w, t: t | {"exporter": t["invoice_token"]}, "terms: payee cannot be paid"),
    "arbiter is importer": (lambda w, t: t | {"arbiter": t["importer"]}, "terms: arbiter is a party"),
    "arbiter is exporter": (lambda w, t: t | {"arbiter": t["exporter"]}, "terms: arbiter is a party"),
    "arbiter unknown": (lambda w, t: t | {"arbiter": w.stranger.address}, "terms: arbiter not registered"),
    "amount zero": (changed(invoice_amount=0), "terms: amount out of range"),
    "amount too large": (changed(invoice_amount=2**72), "terms: amount out of range"),
    "amount overflows": (changed(invoice_amount=2**256 - 1), "terms: amount out of range"),
    "first slice zero": (lambda w, t: t | {"invoice_amount": 3}, "terms: slice is zero"),
    "weights below": (changed_milestone(weight_bps=2_999), "terms: weights are not 10000"),
    "weights above": (changed_milestone(weight_bps=3_001), "terms: weights are not 10000"),
    "weight zero": (changed_milestone(weight_bps=0), "terms: weight"),
    "weight too large": (
        lambda w, t: t | {"milestones": [t["milestones"][0] | {"weight_bps": 2**255}] * 2},
        None,  # a sum beyond 256 bits has no reason of its own
    ),
    "no milestones": (changed(milestones=[]), "terms: weights are not 10000"),
    "deadline now": (lambda w, t: changed_milestone(deadline=now_s())(w, t), "terms: deadline passed"),
    "deadline overflows": (changed_milestone(deadline=2**256 - 1), "terms: hold ends too early"),
    "quorum zero": (changed_milestone(quorum=0), "terms: quorum not above half"),
    "quorum one of three": (changed_milestone(quorum=1), "terms: quorum not above half"),
    "quorum above all": (changed_milestone(quorum=4), "terms: quorum not above half"),
    "quorum overflows": (changed_milestone(quorum=2**256 - 1), "terms: quorum not above half"),
    "no attesters": (changed_milestone(attesters=[], quorum=1), "terms: quorum not above half"),
    "quorum half": (
        lambda w, t: changed_milestone(attesters=[a.address for a in w.attesters[:2]], quorum=1)(w, t),
        "terms: quorum not above half",
    ),
    "attester twice": (
        lambda w, t: changed_milestone(attesters=[w.attesters[0].address] * 3)(w, t),
        "terms: attester twice",
    ),
    "attester is importer": (
        lambda w, t: changed_milestone(attesters=[w.importer.address], quorum=1)(w, t),
        "terms: attester is a party",
    ),
    "attester is exporter": (
        lambda w, t: changed_milestone(attesters=[w.exporter.address], quorum=1)(w, t),
        "terms: attester is a party",
    ),
    "attester is arbiter": (
        lambda w, t: changed_milestone(attesters=[w.arbiter.address], quorum=1)(w, t),
        "terms: attester is a party",
    ),
    "attester unknown": (
        lambda w, t: changed_milestone(attesters=[w.stranger.address], quorum=1)(w, t),
        "terms: attester not registered",
    ),
    "payee zero": (changed(payees=[{"account": ZERO_ADDRESS, "share_bps": 1}]), "terms: payee cannot be paid"),
    "payee is the token": (
        lambda w, t: t | {"payees": [{"account": t["invoice_token"], "share_bps": 1}]},
        "terms: payee cannot be paid",
    ),
    "payee is the escrow": (
        lambda w, t: t | {"payees": [{"account": w.escrow.address, "share_bps": 1}]},
        "terms: payee cannot be paid",
    ),
    "payee share zero": (
        lambda w, t: t | {"payees": [{"account": w.tax.address, "share_bps": 0}]},
        "terms: payee share",
    ),
    "payee share overflows": (
        lambda w, t: t | {"payees": [{"account": w.tax.address, "share_bps": 2**256 - 1}]},
        "terms: payee share",
    ),
    "payees above all": (
        lambda w, t: (
            t | {"payees": [{"account": w.tax.address, "share_bps": BPS}, {"account": w.fee.address, "share_bps": 1}]}
        ),
        "terms: payees get more than all",
    ),
    "window too long": (changed_windows(choice_s=400 * DAY_S + 1), "terms: window too long"),
    "window overflows": (changed_windows(grace_s=2**256 - 1), "terms: window too long"),
    "unawarded share": (changed_windows(unawarded_bps=BPS + 1), "terms: unawarded share"),
    "hold a second short": (
        lambda w, t: t | {"hold_expires_at": t["milestones"][1]["deadline"] + WINDOWS_S - 1},
        "terms: hold ends too early",
    ),
    "tokens differ": (lambda w, t: t | {"funding_token": w.kes.address}, "terms: tokens and policy"),
    "tokens are one": (changed(fx=fx_terms(1)), "terms: tokens and policy"),
    "policy unknown": (changed(fx=fx_terms(4)), "terms: unknown policy"),
}


@pytest.mark.parametrize("case", BAD_TERMS)
def test_fund_is_refused_when_the_terms_are_bad(world: World, case: str) -> None:
    change, reason = BAD_TERMS[case]
    terms = world.terms()
    bad = change(world, terms)
    with boa.reverts(reason) if reason else boa.reverts():
        world.fund(bad, invoice_hold=world.invoice_hold(terms))


def test_fund_takes_terms_at_every_bound(world: World) -> None:
    deadline = now_s() + 1
    terms = world.terms(
        milestones=[world.milestone(1_250, deadline, quorum=3) for _ in range(8)],
        payees=[{"account": world.tax.address, "share_bps": BPS}],
        windows=windows(unawarded_bps=BPS, choice_s=400 * DAY_S),
        hold_expires_at=deadline + WINDOWS_S,
        fund_by=now_s(),
        arbiter=ZERO_ADDRESS,
    )
    assert world.escrow.get_trade(world.fund(terms)).unsettled == 8


def test_fund_is_refused_when_an_attester_was_suspended(world: World) -> None:
    terms = world.terms()
    world.registry.set_status(world.attesters[2].address, False, sender=world.governor.address)
    with boa.reverts("terms: attester not registered"):
        world.fund(terms)


@pytest.mark.parametrize("party", ["importer", "exporter"])
def test_fund_is_refused_when_a_party_did_not_sign(world: World, party: str) -> None:
    terms = world.terms()
    with boa.reverts("escrow: bad signature"):
        world.fund(terms, **{party: world.agree(world.stranger, terms)})
    with boa.reverts("escrow: bad signature"):
        world.fund(terms, **{party: (now_s() + 60, 1, b"")})
    other = world.agree(getattr(world, party), world.terms())
    with boa.reverts("escrow: bad signature"):
        world.fund(terms, **{party: other})


@pytest.mark.parametrize("party", ["importer", "exporter"])
def test_fund_is_refused_when_a_consent_is_for_another_chain_or_contract(world: World, party: str) -> None:
    terms, right = world.terms(), world.escrow_domain
    for domain in (
        Domain(right.name, right.chain_id + 1, right.verifying_contract),
        Domain(right.name, right.chain_id, world.fx.address),
        Domain("Escrow", right.chain_id, right.verifying_contract),
    ):
        with boa.reverts("escrow: bad signature"):
            world.fund(terms, **{party: world.agree(getattr(world, party), terms, domain=domain)})


@pytest.mark.parametrize("party", ["importer", "exporter"])
def test_fund_takes_a_consent_until_its_last_second(world: World, party: str) -> None:
    terms = world.terms()
    consent = world.agree(getattr(world, party), terms, valid_until=now_s() + 60)
    advance(60)
    with boa.env.anchor():
        world.fund(terms, **{party: consent})
    advance(1)
    with boa.reverts("escrow: signature expired"):
        world.fund(terms, **{party: consent})


def test_fund_is_refused_when_a_consent_was_revoked(world: World) -> None:
    terms = world.terms()
    stamp = world.stamp()
    message = {"terms": terms} | stamp
    consent = (stamp["valid_until"], stamp["action"], world.exporter.sign(world.escrow_domain, "Consent", message))
    world.escrow.revoke(digest(world.escrow_domain, "Consent", message), sender=world.exporter.address)
    with boa.reverts("escrow: digest used or revoked"):
        world.fund(terms, exporter=consent)


def test_fund_counts_the_callers_own_word(world: World) -> None:
    terms = world.terms()
    world.fund(terms, importer=(now_s(), 1, b""), sender=world.importer.address)
    assert world.escrow.is_action_used(world.trade_id(terms), world.importer.address, 1)


def institution_terms(world: World) -> tuple[Fields, Fields, tuple[int, int, bytes]]:
    """Terms whose exporter is a bank, the bank's message and its consent."""
    terms = world.terms(exporter=world.bank.address)
    message: Fields = {"terms": terms} | world.stamp()
    signature = world.bank.sign(world.escrow_domain, "Consent", message)
    return terms, message, (message["valid_until"], message["action"], signature)


def test_fund_is_refused_when_an_institution_only_signed(world: World) -> None:
    terms, _, consent = institution_terms(world)
    with boa.reverts("escrow: digest not recorded"):
        world.fund(terms, exporter=consent)


def test_fund_counts_an_institutions_recorded_digest(world: World) -> None:
    terms, message, (valid_until, action, _) = institution_terms(world)
    world.record(world.bank, digest(world.escrow_domain, "Consent", message))
    world.fund(terms, exporter=(valid_until, action, b""))
    assert world.held(terms) == INVOICE


def test_fund_is_refused_when_an_institution_withdrew_its_digest(world: World) -> None:
    terms, message, consent = institution_terms(world)
    recorded = digest(world.escrow_domain, "Consent", message)
    world.record(world.bank, recorded)
    world.registry.withdraw(recorded, sender=world.bank.address)
    with boa.reverts("escrow: digest not recorded"):
        world.fund(terms, exporter=consent)


def test_fund_is_refused_when_an_institution_is_suspended(world: World) -> None:
    terms, message, consent = institution_terms(world)
    world.record(world.bank, digest(world.escrow_domain, "Consent", message))
    world.registry.set_status(world.bank.address, False, sender=world.governor.address)
    with boa.reverts("escrow: institution suspended"):
        world.fund(terms, exporter=consent)
    with boa.reverts("escrow: institution suspended"):
        world.fund(terms, exporter=consent, sender=world.bank.address)


def test_fund_counts_what_a_contract_account_approved(world: World) -> None:
    account = deploy("ContractAccount", world.importer.address, folder=HELPERS)
    world.eur.transfer(account.address, INVOICE, sender=world.importer.address)
    terms = world.terms(importer=account.address)
    message = {"terms": terms} | world.stamp()
    consent = (message["valid_until"], message["action"], b"approved")
    hold = world.holds[world.eur.address].message(
        account.address, world.escrow.address, INVOICE, terms["hold_expires_at"], reference=world.trade_id(terms)
    )
    signed_hold = (hold["amount"], hold["expires_at"], hold["salt"], hold["valid_until"], b"approved")
    hold_domain = Domain("Landfall Euro", world.escrow_domain.chain_id, str(world.eur.address))
    account.approve(digest(hold_domain, "Hold", hold), True, sender=world.importer.address)
    with boa.reverts("escrow: bad signature"):
        world.fund(terms, importer=consent, invoice_hold=signed_hold)
    account.approve(digest(world.escrow_domain, "Consent", message), True, sender=world.importer.address)
    world.fund(terms, importer=consent, invoice_hold=signed_hold)
    assert world.held(terms) == INVOICE


@pytest.mark.parametrize(
    ("field", "by", "reason"),
    [
        ("amount", -1, "escrow: hold of another amount"),
        ("amount", 1, "escrow: hold of another amount"),
        ("expires_at", -1, "escrow: hold of another expiry"),
        ("expires_at", 1, "escrow: hold of another expiry"),
    ],
)
def test_fund_is_refused_when_the_hold_is_not_the_terms(world: World, field: str, by: int, reason: str) -> None:
    terms = world.terms()
    right = {"amount": INVOICE, "expires_at": terms["hold_expires_at"]}[field]
    with boa.reverts(reason):
        world.fund(terms, invoice_hold=world.invoice_hold(terms, **{field: right + by}))


def test_fund_is_refused_when_the_hold_is_for_another_trade(world: World) -> None:
    terms = world.terms()
    with boa.reverts("token: bad signature"):
        world.fund(terms, invoice_hold=world.invoice_hold(terms, reference=world.trade_id(world.terms())))


def test_fund_keeps_nothing_when_the_importer_cannot_pay(world: World) -> None:
    available = world.eur.availableOf(world.importer.address)
    terms = world.terms(invoice_amount=available + 1)
    with boa.reverts("token: not enough available"):
        world.fund(terms)
    assert world.escrow.get_trade(world.trade_id(terms)).funded_at == 0
    world.fund(world.terms(invoice_amount=available))


def test_fund_keeps_nothing_when_the_importer_is_frozen(world: World) -> None:
    world.eur.order_freeze(world.importer.address, 1, 1, now_s() + DAY_S, ZERO_BYTES32, sender=world.issuer.address)
    with boa.reverts("token: account frozen"):
        world.fund(world.terms())


def test_fund_is_refused_when_a_quote_comes_without_need(world: World) -> None:
    terms, quote = world.terms(), world.quote()
    with boa.reverts("escrow: quotes of another policy"):
        world.fund(terms, conversion=[world.conversion(terms, quote)])


def test_fund_buys_the_invoice_currency_when_the_policy_converts(world: World) -> None:
    terms, quote = world.converted_terms(), world.quote()
    world.reserve(quote)
    sold = price(quote, INVOICE)
    before = world.eur.availableOf(world.importer.address)
    world.fund(terms, conversion=[world.conversion(terms, quote, amount=sold + 3)])
    (event,) = events_of(world.escrow, "TradeFunded")
    assert (event["policy"], event["funding_amount"]) == (1, sold)
    assert world.balances(world.eur, world.importer, world.provider) == [before - sold, sold]
    assert (world.held(terms), world.kes.heldOf(world.importer.address)) == (INVOICE, INVOICE)
    assert world.balances(world.kes, world.importer) == [0]


def test_fund_takes_a_quote_for_this_trade_and_no_other(world: World) -> None:
    terms = world.converted_terms()
    other = world.quote(trade_id=world.trade_id(world.terms()))
    world.reserve(other)
    with boa.reverts("escrow: quote for another trade"):
        world.fund(terms, conversion=[world.conversion(terms, other)])
    own = world.quote(trade_id=world.trade_id(terms))
    world.reserve(own)
    world.fund(terms, conversion=[world.conversion(terms, own)])
    assert world.held(terms) == INVOICE


def test_fund_is_refused_when_the_quote_is_missing(world: World) -> None:
    with boa.reverts("escrow: quotes of another policy"):
        world.fund(world.converted_terms(), conversion=[])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"taker": "stranger"}, "fx: quote is for another taker"),
        ({"kind": 1}, "fx: wrong kind of quote"),
        ({"max_amount": INVOICE - 1}, "fx: amount outside the quote"),
        ({"min_amount": INVOICE + 1}, "fx: amount outside the quote"),
        ({"sell_token": "kes"}, "escrow: quote for other tokens"),
        ({"buy_token": "eur"}, "escrow: quote for other tokens"),
    ],
)
def test_fund_is_refused_when_the_quote_does_not_fit(world: World, changes: Fields, reason: str) -> None:
    named = {"stranger": world.stranger.address, "kes": world.kes.address, "eur": world.eur.address}
    quote = world.quote(**{key: named.get(value, value) for key, value in changes.items()})
    if "buy_token" not in changes:
        world.reserve(quote)
    terms = world.converted_terms()
    with boa.reverts(reason):
        world.fund(terms, conversion=[world.conversion(terms, quote)])


def test_fund_is_refused_a_second_after_the_quote_expired(world: World) -> None:
    terms, quote = world.converted_terms(), world.quote()
    world.reserve(quote)
    conversion = world.conversion(terms, quote, expires_at=quote["expires_at"] + 60)
    advance_to(quote["expires_at"])
    with boa.env.anchor():
        world.fund(terms, conversion=[conversion])
    advance(1)
    conversion = world.conversion(terms, quote)
    with boa.reverts("fx: quote expired"):
        world.fund(terms, conversion=[conversion])


def test_fund_is_refused_when_the_quote_was_used(world: World) -> None:
    terms, quote = world.converted_terms(), world.quote()
    world.reserve(quote)
    world.fund(terms, conversion=[world.conversion(terms, quote)])
    again = world.converted_terms()
    with boa.reverts("fx: quote used"):
        world.fund(again, conversion=[world.conversion(again, quote)])


def test_fund_is_refused_when_the_reserve_is_too_small(world: World) -> None:
    terms, quote = world.converted_terms(), world.quote()
    world.reserve(quote, amount=INVOICE - 1)
    with boa.reverts("fx: reserve too small"):
        world.fund(terms, conversion=[world.conversion(terms, quote)])


def test_fund_is_refused_when_the_quote_is_forged(world: World) -> None:
    terms, quote = world.converted_terms(), world.quote()
    world.reserve(quote)
    forged = world.sign_quote(quote, world.stranger)
    with boa.reverts("fx: bad signature"):
        world.fund(terms, conversion=[world.conversion(terms, quote, quote_signature=forged)])


def test_fund_is_refused_when_a_worse_quote_is_put_under_the_importers_hold(world: World) -> None:
    terms, accepted = world.converted_terms(), world.quote()
    worse = world.quote(rate_num=accepted["rate_num"] - 100)
    world.reserve(worse)
    conversion = world.conversion(terms, worse, amount=price(accepted, INVOICE))
    with boa.reverts("escrow: hold below the price"):
        world.fund(terms, conversion=[conversion])


def test_fund_keeps_nothing_when_the_importers_limit_in_the_invoice_currency_is_too_low(world: World) -> None:
    world.kes.set_limits(world.importer.address, INVOICE - 1, 0, 0, sender=world.issuer.address)
    before = world.balances(world.eur, world.importer, world.provider)
    with boa.reverts("token: not enough available"):
        world.fund(world.converted_terms())
    assert world.balances(world.eur, world.importer, world.provider) == before
    world.kes.set_limits(world.importer.address, INVOICE, 0, 0, sender=world.issuer.address)
    world.fund(world.converted_terms())


def test_fund_is_refused_when_the_escrow_lost_its_notary_right(world: World) -> None:
    world.registry.set_notary(world.escrow.address, False, False, sender=world.governor.address)
    with boa.reverts("token: no notary for this owner"):
        world.fund(world.terms())


def hostile_terms(world: World) -> tuple[Any, Fields]:
    """A token that lies, and terms in it."""
    token = deploy("HostileToken", folder=HELPERS)
    return token, world.terms(invoice_token=token.address, funding_token=token.address)


def fund_hostile(world: World, terms: Fields) -> None:
    hold = (INVOICE, terms["hold_expires_at"], ZERO_BYTES32, now_s(), b"")
    world.fund(terms, invoice_hold=hold)


def test_fund_cannot_be_entered_again_by_the_token(world: World) -> None:
    token, terms = hostile_terms(world)
    trade_id = world.trade_id(terms)
    for name, arguments in (
        ("lapse", (trade_id,)),
        ("declare_silence", (trade_id, 0)),
        ("revoke", (b"\1" * 32,)),
        ("get_trade", (trade_id,)),
        ("trade_id_of", (as_tuple("Terms", terms),)),
    ):
        with boa.env.anchor():
            token.call_back(world.escrow.address, getattr(world.escrow, name).prepare_calldata(*arguments))
            fund_hostile(world, terms)
            assert (token.calls_back(), token.calls_succeeded()) == (1, 0), name


def test_settle_pays_once_when_the_token_calls_back(world: World) -> None:
    token, terms = hostile_terms(world)
    fund_hostile(world, terms)
    trade_id = world.trade_id(terms)
    world.accept(terms, 0)
    payees = [as_tuple("Payee", payee) for payee in terms["payees"]]
    token.call_back(world.escrow.address, world.escrow.settle.prepare_calldata(trade_id, 0, payees))
    world.settle(terms, 0)
    assert (token.calls_back(), token.calls_succeeded()) == (3, 0)
    assert world.escrow.get_trade(trade_id).unsettled == 1


def test_hostile_token_cannot_touch_a_trade_in_another_token(world: World) -> None:
    honest = world.terms()
    honest_id = world.fund(honest)
    honest_hold = world.escrow.get_trade(honest_id).invoice_hold
    token, terms = hostile_terms(world)
    token.claim(honest_hold, tuple(world.eur.get_hold(honest_hold)), 0)
    fund_hostile(world, terms)
    world.accept(terms, 0)
    world.settle(terms, 0)
    world.escrow.lapse(world.trade_id(terms))
    assert world.escrow.get_trade(world.trade_id(terms)).closed
    assert world.held(honest) == INVOICE
    assert world.balances(world.eur, world.exporter, world.tax) == [0, 0]


def test_fund_is_refused_when_the_token_is_no_contract(world: World) -> None:
    nobody = Actor("nobody").address
    terms = world.terms(invoice_token=nobody, funding_token=nobody)
    with boa.reverts():
        fund_hostile(world, terms)


def test_revoke_is_refused_when_the_digest_was_used_or_revoked(world: World) -> None:
    terms = world.terms()
    message = {"terms": terms} | world.stamp()
    used = digest(world.escrow_domain, "Consent", message)
    signature = world.exporter.sign(world.escrow_domain, "Consent", message)
    world.fund(terms, exporter=(message["valid_until"], message["action"], signature))
    with boa.reverts("escrow: digest used or revoked"):
        world.escrow.revoke(used, sender=world.exporter.address)
    unused = b"\3" * 32
    world.escrow.revoke(unused, sender=world.exporter.address)
    (event,) = events_of(world.escrow, "DigestRevoked")
    assert (event["signer"], event["digest"]) == (world.exporter.address, unused)
    with boa.reverts("escrow: digest used or revoked"):
        world.escrow.revoke(unused, sender=world.exporter.address)


def test_revoke_changes_nothing_when_the_digest_is_someone_elses(world: World) -> None:
    terms = world.terms()
    message = {"terms": terms} | world.stamp()
    signature = world.exporter.sign(world.escrow_domain, "Consent", message)
    world.escrow.revoke(digest(world.escrow_domain, "Consent", message), sender=world.stranger.address)
    world.fund(terms, exporter=(message["valid_until"], message["action"], signature))
    assert world.held(terms) == INVOICE
