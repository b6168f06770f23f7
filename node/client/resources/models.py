"""What the API takes and gives, as JSON.

Written by scripts/build_client.py from the routes; do not edit.
"""

from typing import Any, Literal, NotRequired, TypedDict


class AcceptQuoteIn(TypedDict):
    digest: NotRequired["str | None"]


"""Which quote is taken."""


class AccountTotalOut(TypedDict):
    account: "str"
    currency: "str"
    debit: "str"
    credit: "str"


"""A line of the trial balance."""


class AmendIn(TypedDict):
    terms_toml: "str"
    invoice_xml: NotRequired["str | None"]
    side: NotRequired["Literal['importer', 'exporter'] | None"]
    ask_provider: NotRequired["bool"]


"""Other terms for a funded trade; without an invoice the last one stays."""


class AnchorIn(TypedDict):
    key: NotRequired["str | None"]


"""An anchor that the governor sets."""


class AnchorOut(TypedDict):
    key: "str"


"""An anchor that was queued for the chain."""


class ApplicationIn(TypedDict):
    customer: "str"
    fields: "CompanyFields | PersonFields"


"""Somebody who wants to become a customer."""


class ApplicationOut(TypedDict):
    id: "str"
    customer: "str"
    kind: "Literal['company', 'person']"
    state: "Literal['draft', 'submitted', 'approved', 'declined']"
    fields: "dict[str, Any]"
    documents: "list[KycDocumentOut]"
    writers: "list[str]"
    risk: "Literal['low', 'medium', 'high'] | None"
    decided_by: "str | None"
    reason: "str | None"
    made_at: "str"
    changed_at: "str"


"""An application."""


class AppointmentOut(TypedDict):
    reference: "str"
    trade_id: "str"
    index: "int"
    kind: "str"
    goods: "str"
    shipment: "list[str]"
    place: "str | None"
    deadline: "str"
    attested: "bool"


"""A milestone that the caller's institution was named to attest."""


class ApprovalIn(TypedDict):
    risk: "Literal['low', 'medium', 'high']"


"""The checker's view."""


class AskedOut(TypedDict):
    challenge: "str"
    options: "dict[str, Any]"


"""What a browser is asked to do with a passkey."""


class AssignIn(TypedDict):
    milestone: "int"
    institution: "str"
    account: NotRequired["str | None"]


"""Whom a milestone is given to."""


class AttemptOut(TypedDict):
    at: "str"
    status: "int | None"
    took_ms: "int"
    reason: "str | None"


"""One POST."""


class AttestationOut(TypedDict):
    attester: "str"
    outcome: "Literal['fulfilled', 'failed']"
    share_bps: "int"
    source: "str"
    state: "str"
    summary: "str"
    evidence_sha256: "str"
    reason: NotRequired["str | None"]


"""An attester's claim and how far it got."""


class AttestedOut(TypedDict):
    digest: "str"
    trade_id: "str"
    milestone: "int"
    outcome: "Literal['fulfilled', 'failed']"
    share_bps: "int"
    summary: "str"
    state: "str"
    evidence_sha256: "str"


"""The attestation that a document became."""


class AuditEntryOut(TypedDict):
    number: "int"
    hash: "str"
    content: "dict[str, Any]"


"""One entry of the log."""


class AwardIn(TypedDict):
    share_bps: "int"
    reasons: "str"


"""An arbiter's decision."""


class BalanceOut(TypedDict):
    owner: "str"
    currency: "str"
    available: "str"
    held: "str"
    blocked: "str"
    total: "str"


"""An owner's money in one currency."""


class BucketOut(TypedDict):
    at_most: "int | None"
    milestones: "int"


"""Milestones that took at most so long, and longer than the bucket before."""


class CancelIn(TypedDict):
    side: NotRequired["Literal['importer', 'exporter'] | None"]
    ask_provider: NotRequired["bool"]


"""A cancellation by one side."""


class CaseOut(TypedDict):
    dispute: "str"
    reference: "str"
    trade_id: "str"
    milestone: "int"
    milestone_kind: "str"
    amount: "str"
    importer: "str"
    exporter: "str"
    goods: "str"
    raised_by: "Literal['importer', 'exporter']"
    raised_at: "str"
    award_by: "str"
    reasons: "str | None"
    share_bps: "int | None"
    award_reasons: "str | None"
    awarded_at: "str | None"
    exhibits: "list[ExhibitOut]"
    terms: "dict[str, Any]"


"""A dispute put before this arbiter."""


class ChangeOut(TypedDict):
    field: "str"
    old: "Any"
    new: "Any"


"""A field that a version changed."""


class ClientIn(TypedDict):
    name: "str"
    roles: "list[Literal['exporter', 'importer', 'bank_maker', 'bank_checker', 'treasurer', 'compliance', 'operator', 'regulator']]"
    scopes: "list[Permission]"
    jwks: NotRequired["list[dict[str, Any]]"]
    customer: NotRequired["str | None"]


"""A program to be registered."""


class ClientOut(TypedDict):
    id: "str"
    name: "str"
    customer: "str | None"
    roles: "list[str]"
    scopes: "list[str]"
    token_endpoint_auth_method: "Literal['private_key_jwt', 'client_secret_basic']"
    state: "Literal['active', 'disabled']"
    created_at: "str"


"""A registered program."""


class ClosedOut(TypedDict):
    id: "str"
    name: "str"
    closed_at: "str | None"


"""A customer that the institution has parted from, or forgotten."""


ClosingOut = TypedDict(
    "ClosingOut",
    {
        "currency": "str",
        "day": "str",
        "from": "str",
        "until": "str",
        "opening": "str",
        "closing": "str",
        "is_balanced": "bool",
        "owners": "list[OwnersDayOut]",
        "entries_by_kind": "dict[str, int]",
        "payments_by_state": "dict[str, int]",
        "trades_funded": "int",
        "trades_closed": "int",
        "held": "str",
        "messages_waiting": "int",
        "messages_to_repair": "int",
        "reconciliation": NotRequired["ReconciliationOut | None"],
    },
)
"""The end-of-day report of an institution in one currency."""


class CodeIn(TypedDict):
    code: "str"


"""The code that was sent to an address."""


class CompanyFields(TypedDict):
    kind: "Literal['company']"
    legal_name: "str"
    registered_in: "str"
    registration_number: "str"
    founded_on: "str"
    lei: NotRequired["str | None"]
    tax_number: NotRequired["str | None"]
    address: "PostalAddress"
    business: "str"
    trades_with: "list[str]"
    expected_monthly: "str"
    funds_come_from: "str"
    owners: "list[Owner]"
    contact: "str"
    email: "str"
    phone: "str"


"""A company that wants to become a customer."""


class ConversionOut(TypedDict):
    quote: "CostOut"
    paid: "str | None"
    paid_minor: "str | None"
    owed: "str | None"
    sold: "str | None"
    refunded: "str | None"
    is_short: "bool"
    chooser: "Literal['importer', 'exporter']"
    refusal: "str | None"


"""A live quote with what it makes of a milestone now."""


class ConversionsOut(TypedDict):
    quotes: "list[ConversionOut]"
    declined: "dict[str, str]"


"""Live quotes for a milestone, the best first."""


class CorrectIn(TypedDict):
    message_id: "str"
    direction: NotRequired["Literal['sent', 'received']"]
    peer: NotRequired["str | None"]
    document: "str"


"""The same with what it should have said."""


class CostOut(TypedDict):
    digest: "str"
    provider: "str"
    pays: "str"
    for_amount: "str"
    rate: "str"
    value_at_mid: "str"
    spread: "str"
    fee: "str"
    premium: NotRequired["str | None"]
    cancel_fee: NotRequired["str | None"]
    total_percent: "str"
    refusal: NotRequired["str | None"]
    expires_at: "str"
    post_quantum: "bool"


"""A firm quote as its taker reads it: spread and fee apart, the total against mid."""


class CustomerIn(TypedDict):
    id: "str"
    name: "str"
    postal_address: NotRequired["PostalAddress | None"]


"""A customer to be made."""


class CustomerOut(TypedDict):
    id: "str"
    name: "str"
    address: "str"
    created_at: "str"
    wallet: "str"
    postal_address: NotRequired["PostalAddress | None"]


"""A customer of the caller's institution."""


class CutOffIn(TypedDict):
    at: "str"
    zone: "str"


"""When a currency's business day ends."""


class CutOffOut(TypedDict):
    currency: "str"
    at: "str"
    zone: "str"
    day: "str"
    ends: "str"


"""When a currency's business day ends, and which one runs."""


class DayRateOut(TypedDict):
    time: "str"
    rate: "str"


"""The middle rate of one day."""


class DecisionOut(TypedDict):
    proposal: "ProposalOut"
    status: "int"
    answer: "Any"


"""An approved proposal, and how the request was answered."""


class DeclineApplicationIn(TypedDict):
    reason: "str"


"""Why not."""


class DeclineIn(TypedDict):
    reason: NotRequired["str"]


"""Why something is not signed."""


class DeferIn(TypedDict):
    deadline: "str"


"""A later deadline."""


class DeliveryDetailOut(TypedDict):
    number: "int"
    event: "int"
    kind: "str"
    message_id: "str"
    state: "Literal['queued', 'delivered', 'failed']"
    attempts: "int"
    queued_at: "str"
    next_attempt_at: "str | None"
    ended_at: "str | None"
    reason: "str | None"
    log: "list[AttemptOut]"


"""The same with how its attempts went, the oldest first."""


class DeliveryOut(TypedDict):
    number: "int"
    event: "int"
    kind: "str"
    message_id: "str"
    state: "Literal['queued', 'delivered', 'failed']"
    attempts: "int"
    queued_at: "str"
    next_attempt_at: "str | None"
    ended_at: "str | None"
    reason: "str | None"


"""An event on its way to an address."""


class DifferenceOut(TypedDict):
    what: "str"
    books: "str"
    chain: "str"


"""Something that books and chain tell differently."""


class DisputeIn(TypedDict):
    reasons: "str"
    side: NotRequired["Literal['importer', 'exporter'] | None"]


"""Why a milestone is put before the arbiter."""


class DisputeOut(TypedDict):
    dispute: "str"
    milestone: "int"
    raised_by: "Literal['importer', 'exporter']"
    raised_at: "str"
    reasons: "str | None"
    share_bps: "int | None"
    award_reasons: "str | None"
    awarded_at: "str | None"


"""A dispute and what became of it."""


class DraftIn(TypedDict):
    terms_toml: "str"
    invoice_xml: NotRequired["str | None"]
    side: NotRequired["Literal['importer', 'exporter'] | None"]


"""Terms as TOML, and the invoice they are about."""


class Endpoints(TypedDict):
    messages: NotRequired["str | None"]
    certificates: NotRequired["list[str] | None"]
    rest: NotRequired["str | None"]


"""Where the institution is reached; absent what it does not offer."""


class EntryOut(TypedDict):
    id: "int"
    kind: "str"
    currency: "str"
    block_number: "int"
    time: "str"
    tx_hash: "str | None"
    log_index: "int | None"
    payer: "str | None"
    payee: "str | None"
    reference: "str | None"
    corrects: "int | None"
    lines: "list[LineOut]"


"""An entry of the journal."""


class Event(TypedDict):
    id: "int"
    kind: "str"
    time: "str"
    body: "dict[str, Any]"


"""Something that happened."""


class EventOut(TypedDict):
    name: "str"
    time: "str"
    block_number: "int"
    tx_hash: "str"
    args: "dict[str, Any]"


"""An event of the chain about a trade."""


class ExhibitOut(TypedDict):
    sha256: "str"
    kind: "str"
    summary: "str"
    sent_by: "str"


"""A document of a case."""


class ExposureLimitIn(TypedDict):
    limit: "str | None"


"""How much a provider may owe at once; quotes above are not taken."""


class ExposureOut(TypedDict):
    provider: "str"
    currency: "str"
    used: "str"
    limit: "str | None"
    free: "str | None"


"""What a provider still owes on quotes that were taken, and how much it may."""


class FaultOut(TypedDict):
    digest: "str"
    provider: "str"
    missing: "str"
    recorded_at: "str"


"""A quote that its provider signed without the reserve behind it, as the chain recorded it."""


class FieldsIn(TypedDict):
    fields: "CompanyFields | PersonFields"


"""Another version of the fields."""


class FreezeIn(TypedDict):
    currency: "str"
    account: "str"
    scope: "Literal['available', 'all']"
    expires_at: "str"
    reasons: "str"


"""An order on an account."""


class FreezeOut(TypedDict):
    currency: "str"
    number: "int"
    account: "str"
    scope: "Literal['available', 'all']"
    expires_at: "str"
    reasons: "str"
    reasons_sha256: "str"
    state: "Literal['queued', 'in force', 'lifting', 'lifted', 'failed']"
    failure: "str | None"
    ordered_at: "str | None"
    lifted_at: "str | None"


"""An order; `in force` once the chain has it."""


class FxOut(TypedDict):
    provider: "str | None"
    held_at_funding: "str"
    rate: "str"
    premium: "str"
    calls: "int"
    call_ends: "str | None"
    top_up_missing: "str | None"
    top_up_missing_minor: "str"


"""The funding currency's leg of a funded trade, under lock and float."""


class HeadOut(TypedDict):
    day: "str"
    number: "int"
    hash: "str"


"""Up to where the log reached on a day, signed."""


class InstitutionOut(TypedDict):
    id: "str"
    name: "str"
    lei: "str"
    bic: "str"
    role_names: "list[str]"
    address: "str"
    key_thumbprint: "str"
    status: "str"
    endpoints: "Endpoints"
    jwks: "JwksOut"
    document_issued_at: "str | None"
    message_keys: "list[KeyTimeOut]"
    rotation: "RotationOut | None"


"""An institution of the network, with what counts for it now."""


class IssuanceIn(TypedDict):
    currency: "str"
    amount: "str"
    text: NotRequired["str"]


"""Money that the caller asks a central bank for."""


class IssuanceOut(TypedDict):
    id: "str"
    requester: "str"
    currency: "str"
    amount: "str"
    text: "str"
    state: "Literal['queued', 'open', 'answering', 'issued', 'declined', 'failed']"
    reason: "str | None"
    requested_at: "str | None"


"""A request; `open` once the chain has recorded it, `issued` or `declined` once it is answered."""


class IssuedQuoteOut(TypedDict):
    digest: "str"
    requester: "str"
    sell_currency: "str"
    buy_currency: "str"
    kind: "str"
    max_amount: "str"
    rate_num: "str"
    rate_den: "str"
    spread_bps: "int"
    fee_bps: "int"
    premium: "str"
    cancel_fee: "str"
    expires_at: "str"
    state: "str"
    reason: NotRequired["str | None"]


"""A firm quote of this desk."""


class Jwk(TypedDict):
    kty: "Literal['AKP']"
    alg: "str"
    kid: "str"
    pub: "str"
    use: "Literal['sig', 'enc']"
    role: "Literal['message', 'sealing', 'transaction', 'validator', 'evidence']"


"""A public key; `role` is what it is used for."""


class JwksOut(TypedDict):
    keys: "list[Jwk]"


"""A JWKS (RFC 7517)."""


class KeyIn(TypedDict):
    scheme: NotRequired["Literal['hmac', 'ed25519']"]
    overlap_s: NotRequired["int"]


"""A new key."""


class KeyOut(TypedDict):
    number: "int"
    scheme: "Literal['hmac', 'ed25519']"
    public: "str | None"
    until: "str | None"


"""A key that messages are signed with."""


KeyTimeOut = TypedDict(
    "KeyTimeOut",
    {
        "kid": "str",
        "alg": "str",
        "from": "str",
        "until": "str | None",
        "ended_by": "str | None",
        "revoked_at": "str | None",
    },
)
"""A time in which a message key of an institution holds."""


class KeysIn(TypedDict):
    jwks: "list[dict[str, Any]]"


"""Other keys."""


class KycDocumentOut(TypedDict):
    id: "str"
    kind: "Literal['identity', 'register', 'address', 'ownership', 'other']"
    name: "str"
    media_type: "str"
    sha256: "str"
    added_by: "str"
    added_at: "str"


"""A document of an application."""


class LimitIn(TypedDict):
    permission: "Permission"
    currency: "str"
    amount: "str"


"""A limit to be set; '0': two people for every amount."""


class LimitOut(TypedDict):
    permission: "str"
    currency: "str"
    amount: "str"


"""Up to this amount one person may act alone."""


class LimitsIn(TypedDict):
    holding_max: "str"
    flow_max: "str"
    window_s: NotRequired["int"]


"""What wallets of a tier may hold and spend; '0': no limit."""


class LimitsOut(TypedDict):
    currency: "str"
    tier: "Literal['anonymous', 'registered']"
    holding_max: "str"
    flow_max: "str"
    window_s: "int"


"""The limits of a tier in one currency; '0': none."""


class LineOut(TypedDict):
    account: "str"
    side: "str"
    amount: "str"


"""One side of an entry."""


class LinkOut(TypedDict):
    link: "str"
    expires_at: "str"


"""A one-time link; it is shown this once."""


class LiquidityDayOut(TypedDict):
    currency: "str"
    total: "str"
    available: "str"
    held: "str"
    blocked: "str"
    day: "str"
    until: "str"


"""What it had at the end of a business day."""


class LiquidityOut(TypedDict):
    currency: "str"
    total: "str"
    available: "str"
    held: "str"
    blocked: "str"


"""What the institution itself has in a currency."""


class MeOut(TypedDict):
    institution: "str"
    customer: "str | None"
    id: "str | None"
    name: "str | None"
    email: "str | None"
    roles: "list[str]"
    permissions: "list[str]"
    csrf_token: "str | None"


"""The caller."""


class MemoOut(TypedDict):
    purpose: "str"
    trade_id: "str | None"
    milestone: "int | None"
    text: "str | None"
    amount: NotRequired["str | None"]


"""What an entry was for."""


class MessageDetailOut(TypedDict):
    message_id: "str"
    direction: "Literal['sent', 'received']"
    peer: "str"
    kind: "str"
    thread: "str | None"
    uetr: "str | None"
    state: "str"
    since: "str"
    attempts: "int"
    next_attempt_at: "str | None"
    reason: "str | None"
    created_at: "str | None"
    protection: "ProtectionOut | None"
    payload: "str"
    signature: "str | None"


"""The same with what was said."""


class MessageOut(TypedDict):
    message_id: "str"
    direction: "Literal['sent', 'received']"
    peer: "str"
    kind: "str"
    thread: "str | None"
    uetr: "str | None"
    state: "str"
    since: "str"
    attempts: "int"
    next_attempt_at: "str | None"
    reason: "str | None"
    created_at: "str | None"
    protection: "ProtectionOut | None"


"""A message as this institution knows it. Times are of the wall clock unless they say otherwise."""


class MilestoneOut(TypedDict):
    index: "int"
    kind: "str"
    amount: "str"
    weight_percent: "str"
    deadline: "str"
    silence: "str"
    quorum: "int"
    attesters: "list[str]"
    attestations: "list[AttestationOut]"
    state: "str"
    due_percent: NotRequired["str | None"]
    final_after: NotRequired["str | None"]
    paid: NotRequired["str | None"]
    refunded: NotRequired["str | None"]
    refunded_minor: NotRequired["str | None"]
    slice: NotRequired["str | None"]
    assignee: NotRequired["str | None"]


"""A milestone with what is due, settled and waited for."""


class MotionOut(TypedDict):
    name: "str"
    kind: "str"
    proposed_by: "str"
    state: "str"
    reason: "str | None"
    ask_provider: "bool"
    signers: "list[SignerOut]"
    changes: "list[ChangeOut]"


"""A change of a funded trade that waits for signatures, or for its block."""


class NeedOut(TypedDict):
    amount: "str | None"
    is_firm: "bool"
    consists_of: "str"
    available: "str | None"
    missing: "str | None"


"""What the importer must have for the trade to be funded."""


class NewKeyOut(TypedDict):
    number: "int"
    scheme: "Literal['hmac', 'ed25519']"
    public: "str | None"
    until: "str | None"
    secret: "str | None"


"""A key as it is made: its secret is told this once."""


class NewPasskeyIn(TypedDict):
    challenge: "str"
    credential: "dict[str, Any]"
    name: "str"


"""Another passkey."""


class NewWebhookOut(TypedDict):
    id: "str"
    owner: "str | None"
    url: "str"
    kinds: "list[str]"
    text: "str"
    state: "Literal['active', 'disabled']"
    reason: "str | None"
    created_at: "str"
    keys: "list[KeyOut]"
    secret: "str | None"


"""The same as it is made."""


NextOut = TypedDict(
    "NextOut",
    {
        "who": "str",
        "what": "str",
        "by": NotRequired["str | None"],
        "from": NotRequired["str | None"],
        "otherwise": NotRequired["str | None"],
        "role": NotRequired["str | None"],
        "call": NotRequired["str | None"],
        "milestone": NotRequired["int | None"],
        "weight": NotRequired["str"],
    },
)
"""What is waited for."""


class NoticeOut(TypedDict):
    number: "int"
    kind: "str"
    event: "int | None"
    title: "str"
    text: "str"
    time: "str"
    is_shared: "bool"
    read_at: "str | None"


"""Something that the caller is told."""


class Owner(TypedDict):
    name: "str"
    born_on: "str"
    nationality: "str"
    address: "PostalAddress"
    is_politically_exposed: "bool"
    share_bps: "int"
    controls_otherwise: NotRequired["bool"]


"""Somebody who owns or controls a company."""


class OwnersDayOut(TypedDict):
    owner: "str"
    opening: "str"
    credited: "str"
    debited: "str"
    closing: "str"


"""What one owner had at both ends of a day, and what went in and out between."""


class PairOut(TypedDict):
    pair: "str"
    is_reported: "bool | None"
    median: NotRequired["str | None"]
    round: NotRequired["int | None"]
    started_at: NotRequired["str | None"]
    unusable: NotRequired["str | None"]


"""An oracle pair, as this institution's books have it."""


class PaperOut(TypedDict):
    sha256: "str"
    kind: "Literal['terms', 'invoice', 'epcis', 'statement']"
    about: "str"
    milestone: "int | None"
    size_bytes: "int"
    time: "str"


"""A document about a trade that this desk keeps, named by its hash."""


class PasskeyOut(TypedDict):
    id: "str"
    name: "str"
    created_at: "str"
    used_at: "str | None"


"""A passkey of the caller."""


class PasswordIn(TypedDict):
    old: "str"
    new: "str"
    code: "str"


"""Another password."""


class PayRequestIn(TypedDict):
    payload: "str"
    currency: "str"
    amount: "str"
    owner: NotRequired["str | None"]


"""A code to be paid, with what the payer has read and agreed to."""


class PayeeIn(TypedDict):
    payee: "str"
    allowed: NotRequired["bool"]


"""A payee of a purpose."""


class PayeeOut(TypedDict):
    name: "str"
    account: "str | None"
    purpose: "str"
    share_percent: "str"
    amount: "str"


"""Who gets how much, if all of the invoice is paid."""


class PayloadIn(TypedDict):
    payload: "str"


"""A code that was scanned."""


class PaymentIn(TypedDict):
    payee: "str"
    currency: "str"
    amount: "str"
    text: NotRequired["str"]
    owner: NotRequired["str | None"]


"""A payment to be made."""


class PaymentMessageOut(TypedDict):
    number: "int"
    direction: "str"
    partner: "str"
    kind: "str"
    name: "str"
    message_id: "str"
    uetr: "str | None"
    milestone: "int | None"
    amount: "str | None"
    status: "str | None"
    reason: "str | None"
    time: "str"
    state: "str"
    state_reason: "str | None"
    signed_with: "str | None"
    sealed_with: "str | None"


"""A payment message about a trade, and where it is."""


class PaymentOut(TypedDict):
    id: "str"
    kind: "str"
    owner: "str"
    payee: "str"
    currency: "str"
    amount: "str"
    text: "str"
    state: "Literal['queued', 'settled', 'failed']"
    reason: "str | None"
    ordered_at: "str"
    value_date: "str"


"""A payment; `settled` once the chain has made it."""


class PaymentRequestIn(TypedDict):
    currency: "str"
    amount: "str"
    reference: NotRequired["str"]
    expires_in: NotRequired["int"]
    owner: NotRequired["str | None"]


"""What is to be paid."""


class PaymentRequestOut(TypedDict):
    id: "str"
    owner: "str"
    account: "str"
    currency: "str"
    amount: "str"
    reference: "str"
    state: "Literal['open', 'paid', 'expired']"
    created_at: "str"
    expires_at: "str"
    payload: "str"
    svg: "str"
    png: "str"
    payer: "str | None"
    paid_at: "str | None"
    tx_hash: "str | None"


"""A payment request that was made here."""


Permission = Literal[
    "own:use",
    "accounts:read",
    "applications:read",
    "appointments:read",
    "approvals:decide",
    "approvals:read",
    "attestations:write",
    "audit:read",
    "audit:sign",
    "books:read",
    "books:write",
    "clients:read",
    "clients:write",
    "customers:approve",
    "customers:erase",
    "customers:export",
    "customers:read",
    "customers:write",
    "disputes:award",
    "disputes:read",
    "events:read",
    "freezes:approve",
    "freezes:read",
    "freezes:write",
    "issuance:answer",
    "issuance:approve",
    "issuance:read",
    "issuance:request",
    "keys:approve",
    "keys:write",
    "limits:approve",
    "limits:write",
    "messages:read",
    "messages:write",
    "notices:read",
    "notices:write",
    "participants:read",
    "participants:write",
    "payments:approve",
    "payments:read",
    "payments:write",
    "payment_requests:write",
    "people:approve",
    "people:read",
    "people:write",
    "quotes:read",
    "rates:read",
    "rates:write",
    "statements:read",
    "status:read",
    "trades:fund",
    "trades:read",
    "trades:write",
    "wallets:read",
    "wallets:write",
    "watch:write",
    "webhooks:read",
    "webhooks:write",
    "act:alone",
]


class PersonFields(TypedDict):
    name: "str"
    born_on: "str"
    nationality: "str"
    address: "PostalAddress"
    is_politically_exposed: "bool"
    kind: "Literal['person']"
    occupation: "str"
    tax_number: NotRequired["str | None"]
    expected_monthly: "str"
    funds_come_from: "str"
    email: "str"
    phone: "str"


"""A natural person who wants to become a customer."""


class PersonIn(TypedDict):
    email: "str"
    name: "str"
    roles: "list[Literal['exporter', 'importer', 'bank_maker', 'bank_checker', 'treasurer', 'compliance', 'operator', 'regulator']]"
    customer: NotRequired["str | None"]


"""Somebody to be invited."""


class PersonOut(TypedDict):
    id: "str"
    email: "str | None"
    name: "str | None"
    customer: "str | None"
    roles: "list[str]"
    state: "Literal['invited', 'active', 'disabled', 'erased']"
    created_at: "str"


"""A person of the institution, or of one of its customers."""


class PostalAddress(TypedDict):
    street: NotRequired["str | None"]
    building: NotRequired["str | None"]
    post_code: NotRequired["str | None"]
    town: "str"
    country: "str"


"""Where somebody is: town and country always, the rest where it is known."""


class PreferenceIn(TypedDict):
    kinds: NotRequired["list[str]"]
    in_console: NotRequired["bool"]
    by_webhook: NotRequired["bool"]
    by_email: NotRequired["bool"]
    email: NotRequired["str | None"]


"""What somebody wants to be told, and how."""


class PreferenceOut(TypedDict):
    kinds: "list[str]"
    in_console: "bool"
    by_webhook: "bool"
    by_email: "bool"
    email: "str | None"
    is_confirmed: "bool"


"""The same as it stands."""


class Problem(TypedDict):
    type: "str"
    title: "str"
    status: "int"
    detail: "str"
    instance: "str"
    code: "str"
    next_step: "str"
    field: NotRequired["str | None"]


"""An error (RFC 9457)."""


class ProposalOut(TypedDict):
    id: "str"
    state: "Literal['open', 'done', 'rejected', 'withdrawn', 'expired']"
    permission: "str"
    checked_by: "str"
    summary: "str"
    amount: "str | None"
    currency: "str | None"
    maker: "str"
    request: "str"
    preview: "Any"
    made_at: "str"
    expires_at: "str"
    checker: "str | None"
    decided_at: "str | None"
    reason: "str | None"


"""A request that waits for a second person, or what became of it."""


class ProtectionOut(TypedDict):
    alg: "str"
    signer_key: "str"
    kem: "str"
    recipient_key: "str"
    qkd_key_id: "str | None"


"""How a message was protected."""


class PurposeIn(TypedDict):
    purpose: "str"


"""A purpose to be made."""


class PurposeOut(TypedDict):
    purpose: "str"
    owner: "str"
    payees: "list[str]"


"""A purpose of the network."""


class QueuedOut(TypedDict):
    message_id: "str"
    kind: "str"
    uetr: "str | None"


"""A document that was queued."""


class QuotesOut(TypedDict):
    quotes: "list[CostOut]"
    declined: "dict[str, str]"
    accepted: NotRequired["str | None"]


"""Answers to the latest request, the cheapest first."""


class RateMarkOut(TypedDict):
    time: "str"
    what: "str"
    milestone: "int | None"
    rate: "str"


"""A moment at which the rate counted."""


class RateOut(TypedDict):
    base: "str"
    quote: "str"
    rate: "str"
    day: "str"


"""A mid rate by ledger time."""


class ReadIn(TypedDict):
    until: "int"


"""Up to which notice everything was read."""


class ReadOut(TypedDict):
    count: "int"


"""How many notices were marked as read."""


class ReadRequestOut(TypedDict):
    id: "str"
    bank: "str"
    bank_name: "str"
    name: "str"
    city: "str"
    country: "str"
    account: "str"
    currency: "str"
    amount: "str"
    reference: "str"
    expires_at: "str"


"""What a code asks for. Its signature is the bank's, and it has not expired."""


class ReconciliationOut(TypedDict):
    block_number: "int"
    block_hash: "str"
    compared: "int"
    is_equal: "bool"
    differences: "list[DifferenceOut]"


"""Books against chain at one block."""


class RejectIn(TypedDict):
    message_id: "str"
    direction: NotRequired["Literal['sent', 'received']"]
    peer: NotRequired["str | None"]
    reason: "str"


"""The same with why it is let be."""


class RejectProposalIn(TypedDict):
    reason: "str"


"""Why not."""


class ReleaseOut(TypedDict):
    milestone: "int"
    kind: "str"
    time: "str"
    tx_hash: "str"
    shares: "list[ReleaseShareOut]"
    spent_minor: "str | None"
    released_minor: "str | None"
    currency: "str"


"""A milestone that was settled: who got what, and what went back."""


class ReleaseShareOut(TypedDict):
    account: "str"
    name: "str | None"
    purpose: "str"
    amount_minor: "str"
    currency: "str"


"""What one payee got of a release."""


class RepairIn(TypedDict):
    message_id: "str"
    direction: NotRequired["Literal['sent', 'received']"]
    peer: NotRequired["str | None"]


"""A message that waits for a person's decision."""


class ReplayIn(TypedDict):
    after: NotRequired["int"]
    only_failed: NotRequired["bool"]


"""What is to be sent again."""


class ReplayedOut(TypedDict):
    count: "int"


"""How many deliveries are sent again."""


class RequestOut(TypedDict):
    id: "str"
    reference: "str"
    kind: "str"
    asked_by: "str"
    owner: "str"
    summary: "str"
    state: "str"
    hold_grows_by: NotRequired["str | None"]
    hold_until: NotRequired["str | None"]


"""What the caller, or a customer of it, is asked to sign."""


class RevocationIn(TypedDict):
    kid: "str"
    reason: "str"


"""A message key of the institution that is taken back, from now on and for good."""


class RolesIn(TypedDict):
    roles: "list[Literal['exporter', 'importer', 'bank_maker', 'bank_checker', 'treasurer', 'compliance', 'operator', 'regulator']]"


"""Other roles."""


class RotationIn(TypedDict):
    overlap_s: "int"


"""A rotation of the institution's own message key."""


class RotationOut(TypedDict):
    old: "str"
    new: "str"
    starts_at: "str"
    old_until: "str"


"""A rotation notice that waits for its anchor on the chain."""


class RoundOut(TypedDict):
    pair: "str"
    round: "int"
    submitted: "bool"
    median: NotRequired["str | None"]
    usable: NotRequired["bool | None"]


"""A round of the oracle as this institution knows it."""


class SecretOut(TypedDict):
    client_id: "str"
    client_secret: "str"


"""A client's secret; it is shown this once."""


class SessionOut(TypedDict):
    id: "str"
    method: "str"
    made_at: "str"
    seen_at: "str"
    expires_at: "str"
    address: "str"
    agent: "str"
    is_this: "bool"


"""A session of the caller."""


class SettleIn(TypedDict):
    quote: NotRequired["str | None"]
    least: NotRequired["str | None"]
    side: NotRequired["Literal['importer', 'exporter'] | None"]


"""At which quote a float settles; other policies need nothing of this."""


class SettlementTimesOut(TypedDict):
    milestones: "int"
    median: "int | None"
    tail: "int | None"
    buckets: "list[BucketOut]"


"""From final to settled, in ledger time."""


class SideIn(TypedDict):
    side: NotRequired["Literal['importer', 'exporter'] | None"]


"""For which side the caller acts."""


class SignerOut(TypedDict):
    role: "str"
    account: "str"
    institution: "str | None"
    signed: "bool"


"""Somebody whose signature is needed."""


class StatementLineOut(TypedDict):
    entry: "int"
    kind: "str"
    time: "str"
    tx_hash: "str | None"
    log_index: "int | None"
    counterparty: "str | None"
    available_change: "str"
    held_change: "str"
    blocked_change: "str"
    available: "str"
    held: "str"
    blocked: "str"
    reference: "str | None"
    memos: "list[MemoOut]"


"""One entry as an owner sees it."""


class Status(TypedDict):
    block_number: "int"
    transactions: "int"
    messages: "int"


"""One look at the whole process; every institution counts."""


class StepOut(TypedDict):
    step: "str"
    state: "str"
    attempts: "int"
    reason: "str | None"


"""A transaction that this bank sent, or has to send, for the trade."""


class TakenOut(TypedDict):
    type: "str"
    lei: "str"
    kid: "str"


"""A paper that was taken, or was known."""


class TopUpIn(TypedDict):
    amount: NotRequired["str | None"]


"""What the importer means to add."""


class TradeAttestationOut(TypedDict):
    attester: "str"
    outcome: "Literal['fulfilled', 'failed']"
    share_bps: "int"
    source: "str"
    state: "str"
    summary: "str"
    evidence_sha256: "str"
    reason: NotRequired["str | None"]
    digest: "str"
    milestone: "int"
    signed_at: "str"
    is_current: "bool"


"""An attester's claim about a milestone of a trade."""


class TradeLineOut(TypedDict):
    reference: "str"
    state: "str"
    importer: "str"
    exporter: "str"
    amount: "str"
    amount_minor: "str"
    currency: "str"
    next: "list[NextOut]"


"""A trade in a list."""


class TradeOut(TypedDict):
    reference: "str"
    state: "str"
    version: "int"
    amendment: "int | None"
    trade_id: "str | None"
    goods: "str"
    incoterms: "str | None"
    importer: "str"
    exporter: "str"
    invoice_number: "str"
    amount: "str"
    amount_minor: "str"
    currency: "str"
    funding_currency: "str"
    policy: "str"
    fund_by: "str"
    hold_expires_at: "str"
    funded_at: "str | None"
    importer_paid: "str | None"
    closed_cause: "str | None"
    uetr: "str | None"
    screening: "str"
    open_accounts: "list[str]"
    signed_by: "list[str]"
    failure: "str | None"
    cost: "CostOut | None"
    payees: "list[PayeeOut]"
    milestones: "list[MilestoneOut]"
    fx: NotRequired["FxOut | None"]
    steps: NotRequired["list[StepOut]"]
    next: "list[NextOut]"


"""A trade as one of its banks knows it."""


class TradeRatesOut(TypedDict):
    base: "str"
    quote: "str"
    policy: "str"
    agreed: "str | None"
    band_low: "str | None"
    band_high: "str | None"
    days: "list[DayRateOut]"
    marks: "list[RateMarkOut]"


"""A trade's rate over its life; units of the invoice currency for one of the funding currency."""


class VersionOut(TypedDict):
    version: "int"
    proposed_by: "Literal['importer', 'exporter']"
    proposed_at: "str"
    changes: "list[ChangeOut]"
    document: "dict[str, Any]"
    has_invoice: "bool"


"""One version of the terms."""


class WaiveIn(TypedDict):
    amount: "str"


"""How much of a milestone is given up."""


class WalletIn(TypedDict):
    customer: "str"
    tier: NotRequired["Literal['anonymous', 'registered']"]
    purpose: NotRequired["str | None"]


"""A wallet to be opened or changed."""


class WalletOrderOut(TypedDict):
    id: "str"
    summary: "str"
    state: "Literal['queued', 'done', 'failed']"
    reason: "str | None"


"""An order; `done` once the chain has taken it."""


class WalletOut(TypedDict):
    customer: "str"
    account: "str"
    tier: "Literal['anonymous', 'registered']"
    purpose: "str | None"


"""A customer's wallet, as the chain has it."""


class WatchIn(TypedDict):
    step: "Literal['silence', 'settle', 'last_resort', 'reprice', 'lapse']"
    performs: "bool"


"""Whether the watch does a step by itself."""


class WatchOut(TypedDict):
    silence: "bool"
    settle: "bool"
    last_resort: "bool"
    reprice: "bool"
    lapse: "bool"


"""What the watch does by itself; the rest it proposes."""


class WebhookChangeIn(TypedDict):
    url: NotRequired["str | None"]
    kinds: NotRequired["list[str] | None"]
    text: NotRequired["str | None"]
    state: NotRequired["Literal['active', 'disabled'] | None"]


"""What is to be another; the rest stays."""


class WebhookIn(TypedDict):
    url: "str"
    kinds: NotRequired["list[str]"]
    text: NotRequired["str"]
    scheme: NotRequired["Literal['hmac', 'ed25519']"]


"""An address that events are to be brought to."""


class WebhookOut(TypedDict):
    id: "str"
    owner: "str | None"
    url: "str"
    kinds: "list[str]"
    text: "str"
    state: "Literal['active', 'disabled']"
    reason: "str | None"
    created_at: "str"
    keys: "list[KeyOut]"


"""An address that events are brought to."""
