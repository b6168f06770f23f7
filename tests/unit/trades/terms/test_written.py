"""Terms files: what is taken, and the one error of each thing that is not."""

import pytest

from node.trades.errors import TermsRejectedError
from node.trades.limits import TERMS_BYTES_MAX
from node.trades.terms.checks import check_document
from node.trades.terms.document import build_struct, canonical, changes, parse_document, trade_id
from node.trades.terms.written import check_terms, parse_terms
from tests.unit.trades.ledger import genesis
from tests.unit.trades.terms_help import ACCOUNTS, SALT, changed, checked, complete, context
from tests.unit.trades.world import example


def test_terms_are_taken_when_every_field_is_right() -> None:
    document = checked()
    assert document.amount_minor == 150_000_000
    assert document.exporter.account == ACCOUNTS["naivasha"]
    assert document.open_accounts() == ["importer.account"]
    assert document.hold_expires_at_s == 1_790_359_200 + 86_400 + 604_800 + 259_200 + 86_400


def test_terms_of_one_currency_are_taken_when_one_bank_has_both_sides() -> None:
    document = checked(path="no-delivery/terms.toml", bank="bank-nl")
    assert document.funding.policy == "none"
    assert document.open_accounts() == []


def test_an_address_is_left_out_of_the_document_when_it_is_not_known() -> None:
    document = complete()
    assert document.importer.address is not None
    assert document.importer.address.town == "Aalsmeer"
    without = document.model_copy(update={"importer": document.importer.model_copy(update={"address": None})})
    data = canonical(without)
    assert parse_document(data) == without
    assert b"Aalsmeer" not in data.replace(without.goods.encode(), b"")
    with pytest.raises(TermsRejectedError, match="another spelling"):
        parse_document(data.replace(b'"importer":{"account"', b'"importer":{"address":null,"account"'))


REJECTS = [
    # what, from, to, field
    ("unknown key", 'incoterms = "CPT', 'colour = "red"\nincoterms = "CPT', "colour"),
    (
        "no such country",
        'town = "Aalsmeer", country = "NL"',
        'town = "Aalsmeer", country = "ZZ"',
        "importer.address.country",
    ),
    ("address without town", 'town = "Naivasha", ', "", "exporter.address.town"),
    ("town too long", 'town = "Naivasha"', f'town = "{"x" * 36}"', "exporter.address.town"),
    ("unknown key below", 'kind = "loaded"', 'kind = "loaded"\ncolour = "red"', "milestones.0.colour"),
    ("missing key", 'number = "INV-2026-0817"', "", "invoice.number"),
    ("negative amount", '"1500000.00"', '"-1500000.00"', "invoice.amount"),
    ("amount of zero", '"1500000.00"', '"0.00"', "invoice.amount"),
    ("float amount", '"1500000.00"', "1500000.00", "invoice.amount"),
    ("whole number as amount", '"1500000.00"', "1500000", "invoice.amount"),
    ("exponent", '"1500000.00"', '"1.5e6"', "invoice.amount"),
    ("too many decimals", '"1500000.00"', '"1500000.001"', "invoice.amount"),
    ("amount beyond the contracts", '"1500000.00"', f'"{10**22}"', "invoice.amount"),
    ("no currency", 'currency = "KES"', 'currency = "XXX"', "invoice.currency"),
    ("currency without token", 'currency = "KES"', 'currency = "USD"', "invoice.currency"),
    ("currency in small letters", 'currency = "KES"', 'currency = "kes"', "invoice.currency"),
    ("funding currency unknown", 'currency = "EUR"', 'currency = "CHF"', "funding.currency"),
    ("policy of a later version", '"convert_now"', '"swap"', "funding.policy"),
    ("nothing to convert", 'currency = "EUR"', 'currency = "KES"', "funding.policy"),
    ("none across currencies", '"convert_now"', '"none"', "funding.currency"),
    ("deadline in the past", "deadline = 2026-08-19T18", "deadline = 2026-08-01T18", "milestones.0.deadline"),
    ("deadline before funding ends", "deadline = 2026-08-19T18", "deadline = 2026-08-10T15", "milestones.0.deadline"),
    ("deadline without zone", "2026-08-19T18:00:00Z", "2026-08-19T18:00:00", "milestones.0.deadline"),
    ("fund_by in the past", "fund_by = 2026-08-10T16", "fund_by = 2026-08-03T16", "fund_by"),
    ("weights below all", "weight_bps = 6000", "weight_bps = 5999", "milestones.weight_bps"),
    ("weights above all", "weight_bps = 6000", "weight_bps = 6001", "milestones.weight_bps"),
    ("weight of zero", "weight_bps = 4000", "weight_bps = 0", "milestones.0.weight_bps"),
    ("weight as float", "weight_bps = 4000", "weight_bps = 4000.0", "milestones.0.weight_bps"),
    ("quorum of half", "quorum = 2\nplace", "quorum = 1\nplace", "milestones.0.quorum"),
    ("quorum above all", "quorum = 2\nplace", "quorum = 3\nplace", "milestones.0.quorum"),
    (
        "attester twice",
        '["carrier", "inspector"]\nquorum = 2\nplace',
        '["carrier", "carrier"]\nquorum = 2\nplace',
        "milestones.0.attesters",
    ),
    (
        "attester is a bank",
        '["carrier", "inspector"]\nquorum = 2\nplace',
        '["carrier", "bank-nl"]\nquorum = 2\nplace',
        "milestones.0.attesters.1",
    ),
    (
        "attester is the arbiter",
        '["carrier", "inspector"]\nquorum = 2\nplace',
        '["carrier", "arbiter"]\nquorum = 2\nplace',
        "milestones.0.attesters.1",
    ),
    (
        "attester without role",
        '["carrier", "inspector"]\nquorum = 2\nplace',
        '["carrier", "fx-amber"]\nquorum = 2\nplace',
        "milestones.0.attesters.1",
    ),
    (
        "attester unknown",
        '["carrier", "inspector"]\nquorum = 2\nplace',
        '["carrier", "nobody"]\nquorum = 2\nplace',
        "milestones.0.attesters.1",
    ),
    ("kind unknown", 'kind = "loaded"', 'kind = "sung"', "milestones.0.kind"),
    ("arbiter without role", 'arbiter = "arbiter"', 'arbiter = "carrier"', "arbiter"),
    ("importer is exporter", 'customer = "bloem"', 'customer = "naivasha"', "exporter"),
    ("customer of another name", 'name = "Naivasha Roses Ltd"', 'name = "Naivasha Tulips Ltd"', "exporter.name"),
    (
        "account of a contract",
        'name = "Naivasha Roses Ltd"',
        f'name = "Naivasha Roses Ltd"\naccount = "{genesis()[1].address("TradeEscrow")}"',
        "exporter.account",
    ),
    (
        "account of another",
        "share_bps = 200",
        'account = "0x00000000000000000000000000000000000000aa"\nshare_bps = 200',
        "payees.0.account",
    ),
    ("account mistyped", "share_bps = 200", 'account = "0x00aa"\nshare_bps = 200', "payees.0.account"),
    ("customer unknown", 'customer = "naivasha"', 'customer = "nobody"', "exporter.customer"),
    ("bank unknown", 'bank = "bank-nl"', 'bank = "bank-xx"', "importer.bank"),
    ("payees above all", "share_bps = 200", "share_bps = 10000", "payees.share_bps"),
    ("payee of nothing", "share_bps = 200", "share_bps = 0", "payees.0.share_bps"),
    ("hold ends too early", "fund_by =", "hold_expires = 2026-09-26T18:00:00Z\nfund_by =", "hold_expires"),
    ("window below zero", "dispute_s = 86400", "dispute_s = -1", "windows.dispute_s"),
    ("schema of another version", "landfall-terms/1", "landfall-terms/9", "schema"),
    ("reference with spaces", "NR-2026-0817", "NR 2026 0817", "reference"),
    ("shipment is no identifier", '"urn:epc:id:sscc:6161100.0000000017"', '"pallet 17"', "shipment.references.1"),
]


@pytest.mark.parametrize(("old", "new", "field"), [row[1:] for row in REJECTS], ids=[row[0] for row in REJECTS])
def test_terms_are_refused_with_the_field_when_one_is_wrong(old: str, new: str, field: str) -> None:
    text = example("roses/terms.toml").decode()
    assert old in text
    swapped = text.replace(old, new)
    if field in ("exporter", "importer.bank") and "naivasha" in new:
        swapped = swapped.replace('bank = "bank-nl"', 'bank = "bank-ke"')
    with pytest.raises(TermsRejectedError) as caught:
        check_terms(parse_terms(swapped.encode()), SALT, context())
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: expected ")


def test_a_hold_is_refused_when_it_would_last_longer_than_the_token_allows() -> None:
    far = changed(("award_s = 604800", "award_s = 10000000"), ("2026-09-25T18:00:00Z", "2027-08-20T18:00:00Z"))
    with pytest.raises(TermsRejectedError, match="hold_expires: expected a hold of at most 400 days"):
        check_terms(parse_terms(far), SALT, context())


def test_a_slice_of_zero_is_refused_when_the_amount_is_too_small() -> None:
    tiny = changed(('"1500000.00"', '"0.01"'))
    with pytest.raises(TermsRejectedError, match=r"milestones.weight_bps: expected a slice above zero"):
        check_terms(parse_terms(tiny), SALT, context())


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a" * (TERMS_BYTES_MAX + 1), "at most"),
        (b"= nothing", "TOML"),
        (b"\xff\xfe", "UTF-8"),
        (b"a = " + b"[" * 3000 + b"]" * 3000, "TOML|a key of this format"),
    ],
    ids=["too large", "no TOML", "no text", "too deep"],
)
def test_a_terms_file_is_refused_when_it_cannot_be_read(data: bytes, expected: str) -> None:
    with pytest.raises(TermsRejectedError, match=expected):
        parse_terms(data)


def test_the_other_banks_document_is_refused_when_it_names_another_account_for_our_customer() -> None:
    document = complete()
    check_document(document, context("bank-nl"))
    foreign = document.importer.model_copy(update={"account": ACCOUNTS["kra"]})
    with pytest.raises(TermsRejectedError, match=r"importer\.account"):
        check_document(document.model_copy(update={"importer": foreign}), context("bank-nl"))


def test_a_document_is_the_same_when_it_is_written_and_read() -> None:
    document = complete()
    assert parse_document(canonical(document)) == document


@pytest.mark.parametrize("edit", [b" ", b"\n"], ids=["space", "line"])
def test_a_document_is_refused_when_its_spelling_is_not_canonical(edit: bytes) -> None:
    with pytest.raises(TermsRejectedError, match="canonical JSON"):
        parse_document(canonical(complete()).replace(b'":"', b'":' + edit + b'"', 1))


def test_the_struct_is_the_one_a_verifier_derives_when_it_reads_the_document() -> None:
    from bridge.proofs.network import Network, Token
    from bridge.proofs.terms_document import struct_from_document
    from node.trades.terms.document import shown_json

    deployment = genesis()[1]
    tokens = {token.address: Token(code, token.address, 2) for code, token in deployment.tokens.items()}
    network = Network(bytes(32), "devnet", deployment.chain_id, (), deployment.contracts, tokens, {})
    document = complete()
    assert build_struct(document, deployment) == struct_from_document(shown_json(canonical(document)), network)


def test_a_trade_has_no_id_while_an_account_is_open() -> None:
    with pytest.raises(TermsRejectedError, match=r"importer\.account: expected the account"):
        trade_id(checked(), genesis()[1])
    assert len(trade_id(complete(), genesis()[1])) == 32


def test_changes_name_each_field_when_a_counter_offer_differs() -> None:
    counter = checked(path="roses/terms-counter.toml")
    assert [path for path, _, _ in changes(checked(), counter)] == [
        "milestones.0.weight_bps",
        "milestones.0.deadline_s",
        "milestones.1.weight_bps",
    ]
