"""A world with a rate: trades under `lock` and `float`, and every call that only they or a living trade have.

After each call that succeeded the books are compared: what is held is the sum of the unsettled slices, and no money
came from nowhere or stayed with a contract.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

from contracts.client.typed_data import Domain, as_tuple, digest
from tests.contracts.support import DAY_S, ROOT, ZERO_BYTES32, Actor, advance_to, deploy, issue, now_s, token_domain
from tests.contracts.trades import BPS, PAIR, PERIOD_S, Fields, World, fx_terms, payees_of, price, windows

HELPERS: Final = ROOT / "tests" / "contracts" / "helpers"
EXAMPLE: Final = 150_000_000
"""1,500,000.00 shillings, the example of SPEC section 5."""
EXAMPLE_SLICE: Final = 1_036_109
"""10,361.09 euros: ceil(1,500,000.00 / (145.50 x 0.995))."""
SETTLED: Final = 5
NEVER_STALE_S: Final = 60 * DAY_S

SignedConsent = tuple[int, int, bytes]


class ContractParty:
    """A party that is a contract: it signs by letting its owner approve the digest (EIP-1271)."""

    def __init__(self, owner: Actor) -> None:
        self.owner = owner
        self.name = f"contract of {owner.name}"
        self.contract: Any = deploy("ContractAccount", owner.address, folder=HELPERS)

    @property
    def address(self) -> str:
        """Checksummed."""
        return str(self.contract.address)

    def sign(self, domain: Domain, primary_type: str, message: Fields) -> bytes:
        """Approve a message; what stands for the signature is not looked at."""
        self.contract.approve(digest(domain, primary_type, message), True, sender=self.owner.address)
        return b"approved"


class FxWorld(World):
    """`World` with lock, float and what can happen to a living trade."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.probe: Any = deploy("TokenProbe", folder=HELPERS)
        self.everyone = [self.issuer, self.bank, self.provider, self.other_provider, self.importer, self.exporter]
        self.everyone += [self.tax, self.fee, self.arbiter, self.relayer, self.stranger, Actor("financier")]

    @property
    def financier(self) -> Actor:
        """Takes the exporter's place in a milestone."""
        return Actor("financier")

    # Rates -------------------------------------------------------------------------------------------------------

    def open_market(self, rate: int | Fraction = 150) -> None:
        """Let shillings be there to buy, and record a first round; medians stay usable for months, any jump counts."""
        issue(self.kes, self.issuer, self.provider, 10**9)
        self.oracle.configure_pair(PAIR, PERIOD_S, NEVER_STALE_S, BPS, BPS, sender=self.governor.address)
        self.report(rate)

    def report(self, rate: int | Fraction, pair: bytes = PAIR) -> None:
        """Record a round with this rate in shillings per euro, in the next one if this one is recorded."""
        if now_s() // PERIOD_S <= self.oracle.last_good(pair)[1]:
            advance_to((now_s() // PERIOD_S + 1) * PERIOD_S)
        message = {
            "pair": pair,
            "rate": int(rate * 10**18),
            "observed_at": now_s(),
            "round": now_s() // PERIOD_S,
        }
        reports = [
            (
                reporter.address,
                message["rate"],
                message["observed_at"],
                reporter.sign(self.oracle_domain, "Report", message),
            )
            for reporter in self.reporters
        ]
        self.oracle.submit(pair, message["round"], reports, sender=self.relayer.address)

    # Terms and money of lock and float ---------------------------------------------------------------------------

    def lock_terms(self, **changes: Any) -> Fields:
        """The default terms in shillings, bought with euros at a rate locked at funding."""
        return self.terms(invoice_token=self.kes.address, fx=fx_terms(2)) | changes

    def lock_quote(self, terms: Fields, **changes: Any) -> Fields:
        """A lock quote for the trade: 1.4328 shillings per euro, 500 premium, 700 to get out."""
        return self.quote(
            kind=1,
            rate_den=10_000,
            premium=500,
            cancel_fee=700,
            trade_id=self.trade_id(terms),
            lock_until=terms["hold_expires_at"],
            **changes,
        )

    def lock_conversion(self, terms: Fields, quote: Fields, **hold: Any) -> tuple[Any, ...]:
        """A `Conversion` at a lock quote with the provider's hold; `hold` changes the latter."""
        provider = hold.pop("provider", self.provider)
        fields: Fields = {
            "amount": terms["invoice_amount"],
            "expires_at": terms["hold_expires_at"],
            "reference": self.trade_id(terms),
        } | hold
        signed = self.signed_hold(self.kes, provider, self.escrow, **fields)
        return as_tuple("Quote", quote), self.sign_quote(quote, provider), signed

    def fund_lock(self, terms: Fields, quote: Fields | None = None, **changes: Any) -> bytes:
        """Fund a lock at `quote`, whose reserve is placed here."""
        quote = quote or self.lock_quote(terms)
        if not changes.pop("without_reserve", False):
            self.reserve(quote)
        amount = price(quote, terms["invoice_amount"]) + quote["premium"]
        own = self.funding_hold(
            terms, amount=changes.pop("amount", amount), salt=digest(self.fx_domain, "Quote", quote)
        )
        if "conversion" not in changes:
            changes["conversion"] = [self.lock_conversion(terms, quote)]
        return self.fund(terms, **({"invoice_hold": own} | changes))

    def float_terms(self, share_bps: int = 0, **changes: Any) -> Fields:
        """SPEC's example: 1,500,000.00 shillings at 150, band 3 %, spread 0.5 %, one milestone after ten days.

        A call runs a day, the choice window an hour; `fx` changes single fields of the FX terms.
        """
        rule = {"rate_num": 150, "rate_den": 1, "band_bps": 300, "spread_bps": 50, "share_bps": share_bps}
        fx = fx_terms(3, **(rule | {"cool_down_s": DAY_S, "calls_max": 2} | changes.pop("fx", {})))
        return self.terms(
            **(
                {
                    "invoice_token": self.kes.address,
                    "invoice_amount": EXAMPLE,
                    "fx": fx,
                    "milestones": [self.milestone(BPS, now_s() + 10 * DAY_S)],
                    "windows": windows(call_s=DAY_S, choice_s=3_600),
                    "payees": [],
                }
                | changes
            )
        )

    def float_sum(self, terms: Fields) -> int:
        """Sum of the slices, by the model's words: ceil(m / (lo (1 - s)))."""
        fx, total = terms["fx"], 0
        rest = terms["invoice_amount"]
        for place, milestone in enumerate(terms["milestones"], 1):
            amount = (
                terms["invoice_amount"] * milestone["weight_bps"] // BPS if place < len(terms["milestones"]) else rest
            )
            rest -= amount
            lo = Fraction(fx["rate_num"] * (BPS - fx["band_bps"]), fx["rate_den"] * BPS)
            total += -int(-amount // (lo * (BPS - fx["spread_bps"]) / BPS))
        return total

    def funding_hold(self, terms: Fields, **changes: Any) -> tuple[int, int, bytes, int, bytes]:
        """The importer's hold in euros; needs an amount."""
        fields: Fields = {"expires_at": terms["hold_expires_at"], "reference": self.trade_id(terms)} | changes
        return self.signed_hold(self.eur, self.importer, self.escrow, **fields)

    def fund_float(self, terms: Fields, **changes: Any) -> bytes:
        """Fund a float with exactly its slices."""
        hold = self.funding_hold(terms, amount=changes.pop("amount", None) or self.float_sum(terms))
        return self.fund(terms, **({"invoice_hold": hold, "conversion": []} | changes))

    def spot(self, terms: Fields, rate: Fraction | int | str, **changes: Any) -> Fields:
        """A spot quote for the trade with its reserve, at `rate` shillings per euro."""
        rate = Fraction(rate)
        bounds = {"min_amount": 1, "max_amount": 200_000_000, "trade_id": self.trade_id(terms)}
        quote = self.quote(**(bounds | {"rate_num": rate.numerator, "rate_den": rate.denominator} | changes))
        self.reserve(quote)
        return quote

    # Calls -------------------------------------------------------------------------------------------------------

    def fund(self, terms: Fields, **changes: Any) -> bytes:
        trade_id = super().fund(terms, **changes)
        self.check_books(terms)
        return trade_id

    def settle(self, terms: Fields, index: int = 0, **changes: Any) -> None:
        super().settle(terms, index, **changes)
        self.check_books(terms)

    def accept(self, terms: Fields, index: int = 0, signer: Actor | None = None, **changes: Any) -> None:
        super().accept(terms, index, signer, **changes)
        self.check_books(terms)

    def cancel(self, terms: Fields, *signers: Any, **changes: Any) -> None:
        super().cancel(terms, *signers, **changes)
        self.check_books(terms)

    def choice(self, terms: Fields, index: int, quote: Fields, chooser: Actor, least: int, **changes: Any) -> Any:
        """A `Choice` of the quote."""
        message = self.party_message(terms, index, quote=digest(self.fx_domain, "Quote", quote), least=least)
        return least, self.consent(chooser, "ChooseQuote", message, **changes)

    def settle_float(
        self, terms: Fields, index: int, quote: Fields, chooser: Actor | None = None, least: int = 0, **changes: Any
    ) -> None:
        """Convert and pay; without a chooser by anyone."""
        choice = changes.get("choice") or ([self.choice(terms, index, quote, chooser, least)] if chooser else [])
        self.escrow.settle_float(
            self.trade_id(terms),
            index,
            payees_of(changes["payees"] if "payees" in changes else terms["payees"]),
            as_tuple("Quote", quote),
            changes.get("quote_signature") or self.sign_quote(quote),
            choice,
            sender=changes.get("sender", self.relayer.address),
        )
        self.check_books(terms)

    def last_resort(self, terms: Fields, index: int = 0, **changes: Any) -> None:
        payees = payees_of(changes["payees"] if "payees" in changes else terms["payees"])
        self.escrow.last_resort(self.trade_id(terms), index, payees, sender=self.stranger.address)
        self.check_books(terms)

    def reprice(self, terms: Fields) -> None:
        self.escrow.reprice(self.trade_id(terms), sender=self.stranger.address)
        self.check_books(terms)

    def top_up(self, terms: Fields, amount: int, signer: Actor | None = None, **changes: Any) -> None:
        """Add `amount`; the signed new total follows unless `total` is given."""
        hold_id = bytes(self.escrow.get_fx(self.trade_id(terms)).hold)
        hold = self.eur.get_hold(hold_id)
        message = {
            "hold_id": hold_id,
            "amount": changes.get("total", hold.amount + amount),
            "expires_at": changes.get("expires_at", hold.expires_at),
            "valid_until": changes.get("valid_until", now_s() + 3_600),
        }
        signature = (signer or self.importer).sign(token_domain(self.eur), "IncreaseHold", message)
        self.escrow.top_up(self.trade_id(terms), amount, message["valid_until"], signature, sender=self.relayer.address)
        self.check_books(terms)

    def waive(self, terms: Fields, index: int, amount: int, signer: Actor | None = None, **changes: Any) -> None:
        message = self.party_message(terms, index, amount=amount)
        consent = self.consent(signer or self.exporter, "Waive", message, **changes)
        self.escrow.waive(self.trade_id(terms), index, amount, consent, sender=self.relayer.address)
        self.check_books(terms)

    def assign(self, terms: Fields, index: int = 0, **changes: Any) -> None:
        """Assign to the financier; `assignee`, `exporter`, `by`, `milestone` change who and what."""
        assignee = changes.get("assignee", self.financier)
        message = self.party_message(terms, index, assignee=assignee.address)
        self.escrow.assign(
            self.trade_id(terms),
            index,
            as_tuple("Milestone", changes.get("milestone", terms["milestones"][index])),
            assignee.address,
            self.consent(changes.get("exporter", self.exporter), "Assign", message),
            self.consent(changes.get("by", assignee), "Assign", message),
            sender=self.relayer.address,
        )
        self.check_books(terms)

    def defer(self, terms: Fields, index: int, deadline: int, signer: Actor | None = None) -> None:
        message = self.party_message(terms, index, deadline=deadline)
        consent = self.consent(signer or self.exporter, "Defer", message)
        self.escrow.defer(self.trade_id(terms), index, deadline, consent, sender=self.relayer.address)

    def close_out_of_band(self, terms: Fields, *signers: Actor, by_importer: bool) -> None:
        message = self.cancel_message(terms)
        consents = [self.consent(signer, "CloseOutOfBand", message) for signer in signers]
        self.escrow.close_out_of_band(self.trade_id(terms), by_importer, consents, sender=self.relayer.address)
        self.check_books(terms)

    # Amendments --------------------------------------------------------------------------------------------------

    def amended(self, terms: Fields, **changes: Any) -> Fields:
        """The terms after an amendment: changed, one version on, milestones bound to it where they changed.

        `touched` lists them where that does not follow from weights or fields alone.
        """
        touched = changes.pop("touched", None)
        new = terms | changes | {"trade_id": self.trade_id(terms), "version": terms.get("version", 1) + 1}
        if touched is None:
            whole = terms["invoice_amount"] != new["invoice_amount"]
            pairs = enumerate(zip(terms["milestones"], new["milestones"], strict=True))
            touched = [index for index, (old, now) in pairs if whole or old != now]
        versions = list(terms.get("milestone_versions", [1] * 8))
        new["milestone_versions"] = [
            new["version"] if index in touched else version for index, version in enumerate(versions)
        ]
        return new

    def amend(self, terms: Fields, new: Fields, **changes: Any) -> Fields:
        """Amend `terms` to `new`; return `new`. `holders`, `provider`, `importer` sign, `increases` go with it."""
        message = {"trade_id": self.trade_id(terms), "version": terms.get("version", 1), "terms": new}
        provider: Actor | None = changes.get("provider")
        self.escrow.amend(
            self.trade_id(terms),
            as_tuple("Terms", new),
            self.consent(changes.get("importer", self.importer), "Amend", message),
            [self.consent(holder, "Amend", message) for holder in changes.get("holders", [self.exporter])],
            [self.consent(provider, "Amend", message)] if provider else [],
            changes.get("increases", []),
            sender=self.relayer.address,
        )
        self.check_books(new)
        return new

    def increase(self, token: Any, owner: Actor, hold_id: bytes, amount: int, expires_at: int) -> tuple[int, bytes]:
        """A `SignedIncrease`, never the same twice: it has no action number, and a digest counts once."""
        valid_until = now_s() + 3_600 + next(self.numbers)
        message = {"hold_id": hold_id, "amount": amount, "expires_at": expires_at, "valid_until": valid_until}
        return valid_until, owner.sign(token_domain(token), "IncreaseHold", message)

    # Reads -------------------------------------------------------------------------------------------------------

    def slice_of(self, terms: Fields, index: int = 0) -> int:
        return int(self.escrow.get_slice(self.trade_id(terms), index).amount)

    def target_of(self, terms: Fields, index: int = 0) -> int:
        return int(self.escrow.get_slice(self.trade_id(terms), index).target)

    def funding_held(self, terms: Fields) -> int:
        """The rest of the importer's hold in euros."""
        return int(self.eur.get_hold(self.escrow.get_fx(self.trade_id(terms)).hold).amount)

    def make_due(self, terms: Fields, index: int = 0, attesters: Sequence[Actor] | None = None, **changes: Any) -> None:
        """Let two attesters agree."""
        for attester in attesters or self.attesters[:2]:
            self.attest(terms, index, attester, **changes)

    def check_books(self, terms: Fields) -> None:
        """Compare holds with slices and money with supply; the last call's events stay readable."""
        last_call = self.escrow._computation
        trade_id = self.trade_id(terms)
        trade, fx = self.escrow.get_trade(trade_id), self.escrow.get_fx(trade_id)
        records = [self.escrow.get_milestone(trade_id, index) for index in range(trade.milestones)]
        unsettled = [index for index, record in enumerate(records) if record.state != SETTLED]
        assert trade.unsettled == len(unsettled)
        assert trade.closed == (not unsettled)
        if bytes(trade.invoice_hold) != ZERO_BYTES32 and trade.invoice_token in self.holds:
            token = self.kes if trade.invoice_token == self.kes.address else self.eur
            held = token.get_hold(trade.invoice_hold).amount
            assert held == sum(records[index].amount for index in unsettled), "invoice leg"
        if bytes(fx.hold) != ZERO_BYTES32 and trade.funding_token in self.holds:
            slices = sum(self.slice_of(terms, index) for index in unsettled)
            assert self.eur.get_hold(fx.hold).amount == slices, "funding leg"
        parties = {str(terms["importer"]), str(terms["exporter"])}
        owners = list(parties | {party.address for party in [*self.everyone, self.importer, self.exporter]})
        for token in (self.eur, self.kes):
            batches = [owners[start : start + 8] for start in range(0, len(owners), 8)]
            balances = [row[0] for batch in batches for row in self.probe.accounts(token.address, batch)]
            assert sum(balances) == token.totalSupply(), "money came or went"
            assert [token.balanceOf(contract.address) for contract in (self.escrow, self.fx)] == [0, 0]
        self.escrow._computation = last_call
