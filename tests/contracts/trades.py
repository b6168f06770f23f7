"""A network with everything a trade needs, and the messages its actors sign.

Every builder has defaults that work; a test changes the one field it is about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any, Final

from eth_abi.abi import encode
from eth_hash.auto import keccak

from contracts.client.typed_data import Domain, as_tuple, digest, hash_struct
from tests.contracts.support import (
    ARBITER,
    ATTESTER,
    BANK,
    CENTRAL_BANK,
    DAY_S,
    FX_PROVIDER,
    LEI,
    REPORTER,
    ZERO_BYTES32,
    Actor,
    Holds,
    deploy,
    deploy_escrow,
    domain_of,
    issue,
    now_s,
)
from tests.models.escrow import slices_of

FULFILLED: Final = 1
FAILED: Final = 2
BPS: Final = 10_000
INVOICE: Final = 100_003  # odd, so that every division leaves something
START_BALANCE: Final = 10_000_000
PAIR: Final = b"EUR/KES".ljust(32, b"\0")
PERIOD_S: Final = 600

Fields = dict[str, Any]


@dataclass
class World:
    """Contracts and actors; `signatures` hand out fresh action numbers and salts."""

    governor: Actor = field(default_factory=lambda: Actor("governor"))
    issuer: Actor = field(default_factory=lambda: Actor("issuer"))
    bank: Actor = field(default_factory=lambda: Actor("bank"))
    provider: Actor = field(default_factory=lambda: Actor("fx_provider"))
    other_provider: Actor = field(default_factory=lambda: Actor("other_provider"))
    importer: Actor = field(default_factory=lambda: Actor("importer"))
    exporter: Actor = field(default_factory=lambda: Actor("exporter"))
    tax: Actor = field(default_factory=lambda: Actor("tax"))
    fee: Actor = field(default_factory=lambda: Actor("fee"))
    arbiter: Actor = field(default_factory=lambda: Actor("arbiter"))
    attesters: list[Actor] = field(default_factory=lambda: [Actor(f"attester {number}") for number in range(3)])
    reporters: list[Actor] = field(default_factory=lambda: [Actor(f"reporter {number}") for number in range(4)])
    relayer: Actor = field(default_factory=lambda: Actor("relayer"))
    stranger: Actor = field(default_factory=lambda: Actor("stranger"))
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.registry: Any = deploy("ParticipantRegistry", self.governor.address)
        members = [
            (self.issuer, CENTRAL_BANK),
            (self.bank, BANK),
            (self.provider, FX_PROVIDER),
            (self.other_provider, FX_PROVIDER),
            (self.arbiter, ARBITER),
            *((attester, ATTESTER) for attester in self.attesters),
            *((reporter, REPORTER) for reporter in self.reporters),
        ]
        for member, roles in members:
            self.register(member, roles)
        arguments = (2, self.registry.address, self.issuer.address)
        self.eur: Any = deploy("SettlementToken", "Landfall Euro", "lfEUR", "EUR", *arguments)
        self.kes: Any = deploy("SettlementToken", "Landfall Shilling", "lfKES", "KES", *arguments)
        self.oracle: Any = deploy("FxOracle", self.registry.address)
        self.fx: Any = deploy("FxSettlement", self.registry.address)
        self.escrow: Any = deploy_escrow(self.registry, self.fx, self.oracle)
        for notary in (self.fx, self.escrow):
            self.registry.set_notary(notary.address, True, True, sender=self.governor.address)
        self.holds = {token.address: Holds(token) for token in (self.eur, self.kes)}
        self.pay_in(self.eur, self.importer, START_BALANCE)
        issue(self.kes, self.issuer, self.provider, START_BALANCE)
        issue(self.kes, self.issuer, self.other_provider, START_BALANCE)

    # Actors and money --------------------------------------------------------------------------------------------

    def register(self, member: Actor, roles: int) -> None:
        """Register an institution."""
        self.registry.register(member.address, LEI, "", roles, ZERO_BYTES32, sender=self.governor.address)

    def pay_in(self, token: Any, account: Actor, amount: int) -> None:
        """Give a customer new money through its bank."""
        issue(token, self.issuer, self.bank, amount)
        token.transfer(account.address, amount, sender=self.bank.address)

    def record(self, institution: Actor, message_digest: bytes) -> None:
        """An institution stands by a digest."""
        self.registry.record(message_digest, sender=institution.address)

    # Domains -----------------------------------------------------------------------------------------------------

    @cached_property
    def escrow_domain(self) -> Domain:
        return domain_of(self.escrow, "TradeEscrow")

    @cached_property
    def fx_domain(self) -> Domain:
        return domain_of(self.fx, "FxSettlement")

    @cached_property
    def oracle_domain(self) -> Domain:
        return domain_of(self.oracle, "FxOracle")

    # Terms -------------------------------------------------------------------------------------------------------

    def milestone(self, weight_bps: int, deadline: int, **changes: Any) -> Fields:
        """A milestone of three attesters, two of whom suffice."""
        return {
            "kind": b"delivered".ljust(32, b"\0"),
            "weight_bps": weight_bps,
            "deadline": deadline,
            "quorum": 2,
            "silence_pays": False,
            "attesters": [attester.address for attester in self.attesters],
        } | changes

    def terms(self, **changes: Any) -> Fields:
        """Terms in euros: 30 % after 10 days, 70 % after 20, 16 % tax and 0.5 % fee, windows of one and two days."""
        start = now_s()
        terms: Fields = {
            "importer": self.importer.address,
            "exporter": self.exporter.address,
            "arbiter": self.arbiter.address,
            "invoice_token": self.eur.address,
            "invoice_amount": INVOICE,
            "funding_token": self.eur.address,
            "fx": fx_terms(0),
            "milestones": [self.milestone(3_000, start + 10 * DAY_S), self.milestone(7_000, start + 20 * DAY_S)],
            "payees": [
                {"account": self.tax.address, "share_bps": 1_600},
                {"account": self.fee.address, "share_bps": 50},
            ],
            "windows": windows(),
            "hold_expires_at": start + 30 * DAY_S,
            "fund_by": start + DAY_S,
            "document_hash": keccak(b"document"),
            "salt": self.fresh_salt(),
        }
        return terms | changes

    def converted_terms(self, **changes: Any) -> Fields:
        """The same in shillings, bought with euros at funding."""
        return self.terms(invoice_token=self.kes.address, fx=fx_terms(1)) | changes

    def trade_id(self, terms: Fields) -> bytes:
        """The digest of the terms; amended ones carry the id of those they came from."""
        return bytes(terms["trade_id"]) if "trade_id" in terms else digest(self.escrow_domain, "Terms", terms)

    def milestone_hash(self, terms: Fields, index: int, version: int | None = None) -> bytes:
        """What attestations of the milestone bind; `version` is that in which it got these terms."""
        version = version or terms.get("milestone_versions", [1] * 8)[index]
        amount = slices_of(terms["invoice_amount"], [part["weight_bps"] for part in terms["milestones"]])[index]
        struct_hash = hash_struct("Milestone", terms["milestones"][index])
        return keccak(encode(["bytes32", "uint256", "uint256", "uint256"], [struct_hash, index, amount, version]))

    # Signed messages ---------------------------------------------------------------------------------------------

    def fresh_salt(self) -> bytes:
        return keccak(b"world salt" + next(self.numbers).to_bytes(32, "big"))

    def stamp(self, **changes: Any) -> Fields:
        """An hour's validity and an action number never used before."""
        return {"valid_until": now_s() + 3_600, "action": next(self.numbers)} | changes

    def consent(self, signer: Actor, primary_type: str, message: Fields, **changes: Any) -> tuple[int, int, bytes]:
        """Sign a message for the escrow; return it as `SignedConsent`."""
        domain = changes.pop("domain", self.escrow_domain)
        stamped = message | self.stamp(**changes)
        signature = signer.sign(domain, primary_type, stamped)
        return stamped["valid_until"], stamped["action"], signature

    def agree(self, signer: Actor, terms: Fields, **changes: Any) -> tuple[int, int, bytes]:
        return self.consent(signer, "Consent", {"terms": terms}, **changes)

    def signed_hold(
        self, token: Any, owner: Actor, notary: Any, amount: int, expires_at: int, reference: bytes, **changes: Any
    ) -> tuple[int, int, bytes, int, bytes]:
        """A `SignedHold` for `notary` (a contract)."""
        fields = {"salt": self.fresh_salt(), "reference": reference} | changes
        message = self.holds[token.address].sign(owner, notary.address, amount, expires_at, **fields)
        return (
            message["amount"],
            message["expires_at"],
            message["salt"],
            message["valid_until"],
            message["signature"],
        )

    def invoice_hold(self, terms: Fields, **changes: Any) -> tuple[int, int, bytes, int, bytes]:
        """The importer's hold that the terms ask for."""
        fields: Fields = {
            "amount": terms["invoice_amount"],
            "expires_at": terms["hold_expires_at"],
            "reference": self.trade_id(terms),
        } | changes
        token = self.kes if terms["invoice_token"] == self.kes.address else self.eur
        return self.signed_hold(token, self.importer, self.escrow, **fields)

    # Quotes ------------------------------------------------------------------------------------------------------

    def quote(self, **changes: Any) -> Fields:
        """A firm quote for ten minutes: 143.28 shillings per euro, for the importer; its reserve's id is free."""
        quote: Fields = {
            "provider": self.provider.address,
            "kind": 0,
            "lock_until": 0,
            "sell_token": self.eur.address,
            "buy_token": self.kes.address,
            "rate_num": 14_328,
            "rate_den": 100,
            "fee_bps": 10,
            "premium": 0,
            "cancel_fee": 0,
            "min_amount": 1_000,
            "max_amount": 5_000_000,
            "taker": self.importer.address,
            "trade_id": ZERO_BYTES32,
            "reserve_id": ZERO_BYTES32,
            "expires_at": now_s() + 600,
            "salt": self.fresh_salt(),
        } | changes
        if quote["reserve_id"] == ZERO_BYTES32:
            token = self.kes if quote["buy_token"] == self.kes.address else self.eur
            quote["reserve_id"] = bytes(token.hold_id(quote["provider"], self.fx.address, quote["salt"]))
        return quote

    def reserve(self, quote: Fields, provider: Actor | None = None, **changes: Any) -> None:
        """Place the hold behind a quote."""
        fields: Fields = {
            "amount": quote["max_amount"],
            "expires_at": quote["expires_at"] + 60,
            "reference": digest(self.fx_domain, "Quote", quote),
            "salt": quote["salt"],
        } | changes
        token = self.kes if quote["buy_token"] == self.kes.address else self.eur
        token.hold(
            self.fx.address,
            fields["amount"],
            fields["expires_at"],
            fields["reference"],
            fields["salt"],
            sender=(provider or self.provider).address,
        )

    def sign_quote(self, quote: Fields, provider: Actor | None = None) -> bytes:
        return (provider or self.provider).sign(self.fx_domain, "Quote", quote)

    def conversion(self, terms: Fields, quote: Fields, **changes: Any) -> tuple[Any, ...]:
        """A `Conversion` at `quote`, with the importer's hold of exactly the price."""
        signature = changes.pop("quote_signature", None) or self.sign_quote(quote)
        fields: Fields = {
            "amount": price(quote, terms["invoice_amount"]),
            "expires_at": now_s() + 600,
            "reference": self.trade_id(terms),
        } | changes
        sell_hold = self.signed_hold(self.eur, self.importer, self.escrow, **fields)
        return as_tuple("Quote", quote), signature, sell_hold

    # Calls -------------------------------------------------------------------------------------------------------

    def fund(self, terms: Fields, **changes: Any) -> bytes:
        """Fund a trade; `changes` replace an argument or `sender`."""
        conversion = changes.get("conversion")
        if conversion is None:
            conversion = []
            if terms["fx"]["policy"] == 1:
                quote = self.quote()
                self.reserve(quote)
                conversion = [self.conversion(terms, quote)]
        self.escrow.fund(
            as_tuple("Terms", changes.get("terms", terms)),
            changes.get("importer") or self.agree(self.importer, terms),
            changes.get("exporter") or self.agree(self.exporter, terms),
            changes.get("invoice_hold") or self.invoice_hold(terms),
            conversion,
            sender=changes.get("sender", self.relayer.address),
        )
        return self.trade_id(terms)

    def attestation(self, terms: Fields, index: int, **changes: Any) -> Fields:
        """An `Attestation` that the milestone was fulfilled in full."""
        return (
            {
                "trade_id": self.trade_id(terms),
                "milestone": index,
                "milestone_hash": self.milestone_hash(terms, index),
                "outcome": FULFILLED,
                "share_bps": BPS,
                "evidence_hash": keccak(b"evidence"),
            }
            | self.stamp()
            | changes
        )

    def submit_attestation(self, terms: Fields, attester: Actor, message: Fields, **changes: Any) -> None:
        """Submit an attestation as it is, recorded or not."""
        self.escrow.attest(
            message["trade_id"],
            message["milestone"],
            as_tuple("Milestone", changes.get("milestone") or terms["milestones"][message["milestone"]]),
            attester.address,
            message["outcome"],
            message["share_bps"],
            message["evidence_hash"],
            message["valid_until"],
            message["action"],
            changes.get("signature", b""),
            sender=changes.get("sender", self.relayer.address),
        )

    def attest(self, terms: Fields, index: int, attester: Actor, **changes: Any) -> Fields:
        """Record and submit an attestation; return its message."""
        message = self.attestation(terms, index, **changes)
        self.record(attester, digest(self.escrow_domain, "Attestation", message))
        self.submit_attestation(terms, attester, message)
        return message

    def settle(self, terms: Fields, index: int, **changes: Any) -> None:
        self.escrow.settle(
            self.trade_id(terms),
            index,
            payees_of(changes["payees"] if "payees" in changes else terms["payees"]),
            sender=changes.get("sender", self.relayer.address),
        )

    def party_message(self, terms: Fields, index: int, **changes: Any) -> Fields:
        """What `Accept` and `Dispute` have in common."""
        return {
            "trade_id": self.trade_id(terms),
            "version": terms.get("version", 1),
            "milestone": index,
            "milestone_hash": self.milestone_hash(terms, index),
        } | changes

    def accept(self, terms: Fields, index: int, signer: Actor | None = None, **changes: Any) -> None:
        consent = self.consent(signer or self.importer, "Accept", self.party_message(terms, index), **changes)
        self.escrow.accept(self.trade_id(terms), index, consent, sender=self.relayer.address)

    def dispute(self, terms: Fields, index: int, party: Actor, signer: Actor | None = None, **changes: Any) -> None:
        reason = keccak(b"reasons")
        message = self.party_message(terms, index, reason_hash=reason)
        consent = self.consent(signer or party, "Dispute", message, **changes)
        self.escrow.dispute(self.trade_id(terms), index, party.address, reason, consent, sender=self.relayer.address)

    def award(self, terms: Fields, index: int, share_bps: int, sender: Actor | None = None, **changes: Any) -> None:
        """Submit an award, as the arbiter unless `sender` is given; then it must be recorded."""
        trade_id, reason = self.trade_id(terms), keccak(b"judgement")
        stamp = self.stamp(**changes)
        self.escrow.award(
            trade_id,
            index,
            share_bps,
            reason,
            (stamp["valid_until"], stamp["action"], b""),
            sender=(sender or self.arbiter).address,
        )

    def cancel_message(self, terms: Fields, **changes: Any) -> Fields:
        return {"trade_id": self.trade_id(terms), "version": terms.get("version", 1)} | changes

    def cancel(
        self,
        terms: Fields,
        importer: Actor | None = None,
        exporter: Actor | None = None,
        *,
        holders: Sequence[Actor] | None = None,
        provider: Actor | None = None,
    ) -> None:
        """Cancel by both sides; `holders` where assignees are among them, `provider` under `lock`."""
        message = self.cancel_message(terms)
        self.escrow.cancel(
            self.trade_id(terms),
            self.consent(importer or self.importer, "Cancel", message),
            [self.consent(holder, "Cancel", message) for holder in holders or [exporter or self.exporter]],
            [self.consent(provider, "Cancel", message)] if provider else [],
            sender=self.relayer.address,
        )

    # Reads -------------------------------------------------------------------------------------------------------

    def held(self, terms: Fields) -> int:
        """The rest of the trade's hold."""
        token = self.kes if terms["invoice_token"] == self.kes.address else self.eur
        trade = self.escrow.get_trade(self.trade_id(terms))
        return int(token.get_hold(trade.invoice_hold).amount)

    def state_of(self, terms: Fields, index: int) -> int:
        return int(self.escrow.state_of(self.trade_id(terms), index))

    def balances(self, token: Any, *accounts: Actor) -> list[int]:
        """Available balances."""
        return [int(token.availableOf(account.address)) for account in accounts]


def fx_terms(policy: int, **changes: Any) -> Fields:
    """FX terms; only the policy is read by `none` and `convert_now`."""
    return {
        "policy": policy,
        "rate_num": 0,
        "rate_den": 0,
        "band_bps": 0,
        "spread_bps": 0,
        "share_bps": 0,
        "option": 0,
        "cool_down_s": 0,
        "calls_max": 0,
    } | changes


def windows(**changes: Any) -> Fields:
    """A day to dispute, two to award, three of grace."""
    return {
        "dispute_s": DAY_S,
        "award_s": 2 * DAY_S,
        "unawarded_bps": 0,
        "call_s": 0,
        "choice_s": 0,
        "grace_s": 3 * DAY_S,
    } | changes


def payees_of(payees: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    return [as_tuple("Payee", payee) for payee in payees]


def price(quote: Fields, buy_amount: int) -> int:
    """ceil(buy x den / num), independently of the contract."""
    return -int(-buy_amount * quote["rate_den"] // quote["rate_num"])
