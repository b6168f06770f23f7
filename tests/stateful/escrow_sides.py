"""Contracts and model side by side: what the state machine of the escrow acts on.

`Sides.both` does the same to both and compares: both take a call, or both refuse it for the same reason. Funding under
any policy, quotes, medians and amendments are built here, once for each side.
"""

import copy
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

import boa

from contracts.client.typed_data import digest
from tests.contracts.support import DAY_S, ZERO_BYTES32, Actor, advance_to, events_of, now_s
from tests.contracts.trades import BPS, PAIR, PERIOD_S, Fields, fx_terms, price
from tests.contracts.trades_fx import FxWorld
from tests.models.escrow import (
    Amendment,
    Conversion,
    Escrow,
    FloatRule,
    Leg,
    Milestone,
    Option,
    Oracle,
    Policy,
    Quote,
    Rejected,
    Trade,
    Windows,
    slices_of,
)
from tests.models.token import Refused, TokenModel

HOUR_S: Final = 3_600
RESERVE_S: Final = 660
HEARTBEAT_S: Final = 3 * DAY_S
JUMP_BPS: Final = 2_000
RATE: Final = 150
WINDOWS: Final = Windows(HOUR_S, 2 * HOUR_S, 0, 3 * HOUR_S, 26 * HOUR_S, HOUR_S)
"""Grace is longer than the hold's last day, so that no call for a top-up reaches into it."""


class SidesWorld(FxWorld):
    """The world without its own comparison of the books: the model is compared instead, and with more."""

    def check_books(self, terms: Fields) -> None:
        pass

    def consent(self, signer: Actor, primary_type: str, message: Fields, **changes: Any) -> tuple[int, int, bytes]:
        """As always; the provider is an institution and stands by the digest first."""
        valid_until, action, signature = super().consent(signer, primary_type, message, **changes)
        if signer.address == self.provider.address:
            stamped = message | {"valid_until": valid_until, "action": action}
            self.record(signer, digest(self.escrow_domain, primary_type, stamped))
        return valid_until, action, signature

    def open_market(self, rate: int | Fraction = RATE) -> None:
        """As always, but medians grow stale and jumps wait."""
        super().open_market(rate)
        self.oracle.configure_pair(PAIR, PERIOD_S, HEARTBEAT_S, JUMP_BPS, BPS, sender=self.governor.address)


class Sides:
    """One network and its model; `terms` and the model's trades are in the same order."""

    def __init__(self, world: SidesWorld) -> None:
        self.world = world
        self.contracts = {"eur": world.eur, "kes": world.kes}
        self.owners = [world.importer, world.exporter, world.tax, world.provider, world.other_provider, world.bank]
        self.owners.append(world.financier)
        rate, _, started_at = world.oracle.last_good(PAIR)
        oracle = Oracle(HEARTBEAT_S, JUMP_BPS)
        oracle.record(int(rate), int(started_at))
        tokens = {name: self._token_model(name) for name in self.contracts}
        self.model = Escrow(world.escrow.address, world.fx.address, tokens, now_s(), oracle)
        self.terms: list[Fields] = []
        self.moved = True

    def both(self, call: Callable[[], Any], model_call: Callable[[Escrow], Any]) -> bool:
        """Do the same to both; return whether both took it."""
        before = copy.deepcopy(self.model)
        try:
            model_call(self.model)
        except (Rejected, Refused) as refusal:
            self.model = before
            with boa.reverts(f"token: {refusal}" if isinstance(refusal, Refused) else str(refusal)):
                call()
            return False
        call()
        self.moved = True
        return True

    def both_pay(self, number: int, call: Callable[[], Any], model_call: Callable[[Escrow], Any]) -> bool:
        """The same for a call that pays; the events say what the model says."""
        paid: list[tuple[str, int]] = []
        took = self.both(call, lambda model: paid.extend(model_call(model)))
        if took:
            trade_id = self.trade_id(number)
            found = [event for event in events_of(self.world.escrow, "PaymentMade") if event["trade_id"] == trade_id]
            assert [(event["account"], event["amount"]) for event in found] == paid
        return took

    def trade_id(self, number: int) -> bytes:
        return self.world.trade_id(self.terms[number])

    def go_to(self, time_s: int) -> None:
        advance_to(time_s)
        self.model.now_s = time_s

    def actor(self, address: str) -> Actor:
        return next(actor for actor in self.owners if actor.address == address)

    def holders(self, number: int) -> list[Actor]:
        """Who stands on the exporter's side of what is unsettled."""
        return [self.actor(address) for address in self.model.trades[number].holders()]

    # Rates and quotes ---------------------------------------------------------------------------------------------

    def report(self, rate: Fraction) -> None:
        """The oracle records the next round."""
        self.go_to((now_s() // PERIOD_S + 1) * PERIOD_S)
        self.world.report(rate)
        self.model.oracle.record(int(rate * 10**18), now_s())

    def spot(self, number: int, rate: Fraction, *, for_trade: bool) -> tuple[Fields, Quote] | None:
        """A spot quote with its reserve; None if the provider may not spend."""
        world = self.world
        quote = world.quote(
            min_amount=1,
            max_amount=2_000_000,
            rate_num=rate.numerator,
            rate_den=rate.denominator,
            trade_id=self.trade_id(number) if for_trade else ZERO_BYTES32,
        )
        return (quote, _model_quote(quote, number if for_trade else None)) if self.reserve(quote) else None

    def reserve(self, quote: Fields) -> bool:
        """Place the hold behind a quote."""
        world, until = self.world, now_s() + RESERVE_S
        provider, hold_id = world.provider.address, bytes(quote["reserve_id"])
        return self.both(
            lambda: world.reserve(quote, expires_at=until),
            lambda model: model.tokens["kes"].place(
                model.now_s, hold_id, provider, model.fx_address, quote["max_amount"], until, signed=False
            ),
        )

    # Funding ------------------------------------------------------------------------------------------------------

    def build(self, policy: Policy, weights_bps: list[int], amount: int, **changes: Any) -> Fields:
        """Terms; milestones half a day apart, the hold ends as early as the rule allows plus `slack_s`."""
        world, start = self.world, now_s()
        windows = replace(WINDOWS, unawarded_bps=changes.get("unawarded_bps", 0))
        deadlines = [start + 12 * HOUR_S * (index + 1) for index in range(len(weights_bps))]
        fx = fx_terms(int(policy))
        if policy == Policy.FLOAT:
            fx |= {"rate_num": RATE, "rate_den": 1, "band_bps": 300, "spread_bps": 50} | changes.get("fx", {})
        quorum, silence_pays = changes.get("quorum", 2), changes.get("silence_pays", False)
        return world.terms(
            arbiter=changes.get("arbiter", world.arbiter.address),
            invoice_token=world.eur.address if policy == Policy.NONE else world.kes.address,
            invoice_amount=amount,
            fx=fx,
            milestones=[
                world.milestone(weight, deadline, silence_pays=silence_pays, quorum=quorum)
                for weight, deadline in zip(weights_bps, deadlines, strict=True)
            ],
            payees=[
                {"account": world.tax.address, "share_bps": 1_600 + 4_000 * number}
                for number in range(changes.get("payees", 1))
            ],
            windows={
                "dispute_s": windows.dispute_s,
                "award_s": windows.award_s,
                "unawarded_bps": windows.unawarded_bps,
                "call_s": windows.call_s,
                "choice_s": windows.choice_s,
                "grace_s": windows.grace_s,
            },
            hold_expires_at=deadlines[-1] + windows.total_s() + changes.get("slack_s", 0),
        )

    def fund(self, terms: Fields) -> bool:
        """Fund on both sides."""
        policy, amount = Policy(terms["fx"]["policy"]), terms["invoice_amount"]
        conversion: tuple[Conversion, Any] | None = None
        if policy in (Policy.CONVERT_NOW, Policy.LOCK):
            conversion = self._conversion(terms, policy)
            if conversion is None:
                return False
        trade = self._model_trade(terms, policy)
        held = self.model.needed_for(trade, amount, conversion[0] if conversion else None)
        token = "eur" if policy in (Policy.NONE, Policy.LOCK, Policy.FLOAT) else "kes"
        is_locked = policy == Policy.LOCK and conversion is not None
        hold = self.world.signed_hold(
            self.contracts[token],
            self.world.importer,
            self.world.escrow,
            held,
            terms["hold_expires_at"],
            self.world.trade_id(terms),
            **({"salt": bytes(self.world.fx.quote_digest(conversion[1][0]))} if is_locked else {}),
        )
        (trade.funding or trade.invoice).hold_id = self._hold_id(token, self.world.importer, hold[2])
        took = self.both(
            lambda: self.world.fund(terms, invoice_hold=hold, conversion=[conversion[1]] if conversion else []),
            lambda model: model.fund(trade, amount, terms["hold_expires_at"], conversion[0] if conversion else None),
        )
        if took:
            self.terms.append(terms)
        return took

    def _conversion(self, terms: Fields, policy: Policy) -> tuple[Conversion, Any] | None:
        world, amount = self.world, terms["invoice_amount"]
        if policy == Policy.LOCK:
            quote = world.lock_quote(terms, min_amount=1, max_amount=amount)
            if not self.reserve(quote):
                return None
            signed = world.lock_conversion(terms, quote)
            hold_id = self._hold_id("kes", world.provider, signed[2][2])
            return Conversion(_model_quote(quote, len(self.terms)), hold_id, amount), signed
        quote = world.quote(min_amount=1, max_amount=amount)
        if not self.reserve(quote):
            return None
        signed = world.conversion(terms, quote)
        hold_id = self._hold_id("eur", world.importer, signed[2][2])
        return Conversion(_model_quote(quote, None), hold_id, price(quote, amount)), signed

    def _model_trade(self, terms: Fields, policy: Policy) -> Trade:
        has_funding_leg = policy in (Policy.LOCK, Policy.FLOAT)
        return Trade(
            terms["importer"],
            terms["exporter"],
            terms["arbiter"],
            _model_windows(terms),
            [(payee["account"], payee["share_bps"]) for payee in terms["payees"]],
            model_milestones(terms),
            Leg("eur" if policy == Policy.NONE else "kes", None),
            policy,
            Leg("eur", None) if has_funding_leg else None,
            model_rule(terms) if policy == Policy.FLOAT else None,
            "eur" if policy == Policy.CONVERT_NOW else None,
        )

    # Amendment ----------------------------------------------------------------------------------------------------

    def amend(self, number: int, *, with_provider: bool, **changes: Any) -> bool:
        """Change the terms on both sides; owners sign the rises that the model says are needed."""
        world, old = self.world, self.terms[number]
        amounts = [
            slices_of(part["invoice_amount"], [milestone["weight_bps"] for milestone in part["milestones"]])
            for part in (old, old | changes)
        ]
        touched = [
            index
            for index, milestone in enumerate(old["milestones"])
            if amounts[0][index] != amounts[1][index]
            or milestone != changes.get("milestones", old["milestones"])[index]
        ]
        new = world.amended(old, touched=touched, **changes)
        amendment = Amendment(
            new["invoice_amount"],
            model_milestones(new),
            _model_windows(new),
            new["hold_expires_at"],
            model_rule(new) if new["fx"]["policy"] == Policy.FLOAT else None,
        )
        holders = self.holders(number)
        provider = world.provider if with_provider else None
        signers = {world.importer.address, *(holder.address for holder in holders)}
        signers |= {provider.address} if provider else set()
        increases = self._increases(number, amendment, signers)
        took = self.both(
            lambda: world.amend(old, new, holders=holders, provider=provider, increases=increases),
            lambda model: model.amend(model.trades[number], copy.deepcopy(amendment), signers),
        )
        if took:
            self.terms[number] = new
        return took

    def _increases(self, number: int, amendment: Amendment, signers: set[str]) -> list[tuple[int, bytes]]:
        """What the owners of the holds sign, tried on a copy of the model; also where a token will refuse it."""
        tried = copy.deepcopy(self.model)
        try:
            tried.amend(tried.trades[number], copy.deepcopy(amendment), signers)
        except Rejected:
            return []
        except Refused:
            # The milestones are amended by now; only the holds are not.
            pass
        found = []
        for leg in reversed(list(tried.trades[number].legs())):
            hold_id = leg.hold_id or b""
            hold = self.model.tokens[leg.token].holds[hold_id]
            amount = max(hold.amount, tried.trades[number].unsettled(leg))
            owner = self.actor(hold.owner)
            found.append(self.world.increase(self.contracts[leg.token], owner, hold_id, amount, amendment.expires_at))
        return found

    # Inside -------------------------------------------------------------------------------------------------------

    def _hold_id(self, token: str, owner: Actor, salt: bytes) -> bytes:
        return bytes(self.contracts[token].hold_id(owner.address, self.world.escrow.address, salt))

    def _token_model(self, name: str) -> TokenModel:
        world, contract = self.world, self.contracts[name]
        model = TokenModel(
            issuer=world.issuer.address,
            banks=frozenset({world.bank.address, world.provider.address, world.other_provider.address}),
            notaries=frozenset({world.escrow.address, world.fx.address}),
            supply=contract.totalSupply(),
        )
        model.available = {owner.address: contract.availableOf(owner.address) for owner in self.owners}
        return model


def model_milestones(terms: Fields) -> list[Milestone]:
    """The terms' milestones, nothing having become of them."""
    return [
        Milestone(part["weight_bps"], part["deadline"], part["quorum"], part["attesters"], part["silence_pays"])
        for part in terms["milestones"]
    ]


def model_rule(terms: Fields) -> FloatRule:
    """The terms' float rule."""
    fx = terms["fx"]
    return FloatRule(
        Fraction(fx["rate_num"], fx["rate_den"]),
        fx["band_bps"],
        fx["spread_bps"],
        fx["share_bps"],
        Option(fx["option"]),
        fx["cool_down_s"],
        fx["calls_max"],
    )


def _model_windows(terms: Fields) -> Windows:
    return Windows(**terms["windows"])


def _model_quote(quote: Fields, number: int | None) -> Quote:
    return Quote(
        quote["provider"],
        Fraction(quote["rate_num"], quote["rate_den"]),
        bytes(quote["reserve_id"]),
        quote["taker"],
        quote["expires_at"],
        quote["max_amount"],
        quote["min_amount"],
        number,
        quote["lock_until"] if quote["kind"] else None,
        quote["premium"],
        quote["cancel_fee"],
    )
