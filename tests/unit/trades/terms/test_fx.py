"""FX policies in terms: what is taken, what is proposed, and the one error of each thing the contract would refuse."""

from dataclasses import replace

import pytest

from bridge.proofs.network import Network, Token
from bridge.proofs.terms_document import struct_from_document
from fx.currencies import get_currency
from fx.rates import Rate, minor_rate
from node.trades.errors import TermsRejectedError
from node.trades.terms.checks import check_document
from node.trades.terms.document import (
    FloatPart,
    TermsDocument,
    build_struct,
    canonical,
    funding_slices,
    milestone_amounts,
    shown_json,
)
from node.trades.terms.written import check_terms, parse_terms
from tests.unit.trades.ledger import genesis
from tests.unit.trades.terms_help import ACCOUNTS, SALT, changed, context

POLICY = 'policy = "convert_now"'


def fx_terms(lines: str, *, rate: Rate | None = None, known: TermsDocument | None = None) -> TermsDocument:
    """Return the example as a float with these lines in its table, at a desk that knows `rate`."""
    text = changed((POLICY, f'policy = "float"\n\n[funding.float]\n{lines}'))
    checking = replace(context(), reference_rate=lambda _base, _quote: rate)
    return check_terms(parse_terms(text), SALT, checking, None, known)


def part_of(document: TermsDocument) -> FloatPart:
    assert document.funding.float_ is not None
    return document.funding.float_


def struct_of(document: TermsDocument) -> dict[str, int]:
    importer = document.importer.model_copy(update={"account": ACCOUNTS["bloem"]})
    found: dict[str, int] = build_struct(document.model_copy(update={"importer": importer}), genesis()[1])["fx"]
    return found


def test_a_float_has_its_defaults_when_only_a_rate_is_given() -> None:
    document = fx_terms('rate = "150"')
    assert struct_of(document) == {
        "policy": 3,
        "rate_num": 150,
        "rate_den": 1,
        "band_bps": 300,
        "spread_bps": 50,
        "share_bps": 0,
        "option": 0,
        "cool_down_s": 86_400,
        "calls_max": 0,
    }
    assert (document.windows.choice_s, document.windows.call_s) == (3_600, 0)


def test_a_float_has_calls_and_their_window_when_the_importer_bears_a_share() -> None:
    document = fx_terms('rate = "150"\nshare_bps = 5000')
    assert (part_of(document).calls_max, document.windows.call_s) == (3, 86_400)


@pytest.mark.parametrize("option", ["wait", "refund"])
def test_an_option_is_taken_when_the_importer_bears_nothing(option: str) -> None:
    document = fx_terms(f'rate = "150"\noption = "{option}"')
    assert struct_of(document)["option"] == {"wait": 1, "refund": 2}[option]


def test_the_present_rate_is_proposed_when_none_is_given() -> None:
    assert part_of(fx_terms("", rate=Rate.parse("148.7729004"))).rate == minor_rate(
        Rate.parse("148.772900"), get_currency("EUR"), get_currency("KES")
    )


def test_the_agreed_rate_stays_when_a_later_version_names_none() -> None:
    before = fx_terms('rate = "150"')
    assert part_of(fx_terms("band_bps = 200", rate=Rate.parse("120"), known=before)).rate == Rate(150, 1)


def test_the_slices_are_those_of_the_rule_when_terms_float() -> None:
    document = fx_terms('rate = "150"')
    amounts = milestone_amounts(document)
    assert funding_slices(document) == [-(-amount * 10**8 // (150 * 9_700 * 9_950)) for amount in amounts]


def test_a_lock_has_no_terms_of_a_float() -> None:
    document = check_terms(parse_terms(changed((POLICY, 'policy = "lock"'))), SALT, context())
    assert struct_of(document) == {name: 2 if name == "policy" else 0 for name in struct_of(document)}


REJECTS = [
    ("no rate known", "", "rate"),
    ("rate of zero", 'rate = "0"', "rate"),
    ("rate below zero", 'rate = "-150"', "rate"),
    ("rate is no number", 'rate = "much"', "rate"),
    ("rate too fine", f'rate = "150.{"1" * 25}"', "rate"),
    ("band of nothing", 'rate = "150"\nband_bps = 0', "band_bps"),
    ("band of all", 'rate = "150"\nband_bps = 10000', "band_bps"),
    ("spread of all", 'rate = "150"\nspread_bps = 10000', "spread_bps"),
    ("spread below zero", 'rate = "150"\nspread_bps = -1', "spread_bps"),
    ("share above all", 'rate = "150"\nshare_bps = 10001', "share_bps"),
    ("option with a share", 'rate = "150"\noption = "wait"\nshare_bps = 1', "share_bps"),
    ("option unknown", 'rate = "150"\noption = "hope"', "option"),
    ("cool-down too long", 'rate = "150"\ncool_down_s = 34560001', "cool_down_s"),
    ("calls below zero", 'rate = "150"\ncalls_max = -1', "calls_max"),
    ("key unknown", 'rate = "150"\ncolour = "red"', "colour"),
]


@pytest.mark.parametrize(("lines", "field"), [row[1:] for row in REJECTS], ids=[row[0] for row in REJECTS])
def test_a_float_is_refused_with_the_field_when_one_is_wrong(lines: str, field: str) -> None:
    with pytest.raises(TermsRejectedError) as caught:
        fx_terms(lines)
    assert caught.value.field == f"funding.float.{field}"
    assert str(caught.value).startswith(f"funding.float.{field}: expected ")


@pytest.mark.parametrize(
    "lines",
    [
        'rate = "150"\nband_bps = 1',
        'rate = "150"\nband_bps = 9999',
        'rate = "150"\nspread_bps = 0',
        'rate = "150"\nspread_bps = 9999',
        'rate = "150"\nshare_bps = 10000',
        'rate = "150"\ncool_down_s = 34560000',
        'rate = "150"\ncalls_max = 0',
    ],
)
def test_a_float_is_taken_when_a_value_is_at_its_limit(lines: str) -> None:
    assert part_of(fx_terms(lines)).rate == Rate(150, 1)


def test_a_float_is_refused_when_a_slice_would_not_fit() -> None:
    with pytest.raises(TermsRejectedError, match=r"funding\.float: expected slices below 2\^72"):
        fx_terms('rate = "0.0000000001"\nband_bps = 9999')


@pytest.mark.parametrize("policy", ["lock", "convert_now"])
def test_the_terms_of_a_float_are_refused_when_the_policy_is_another(policy: str) -> None:
    text = changed((POLICY, f'policy = "{policy}"\n\n[funding.float]\nrate = "150"'))
    with pytest.raises(TermsRejectedError, match=f"funding.float: expected none, as policy {policy}"):
        check_terms(parse_terms(text), SALT, context())


def test_a_float_is_refused_when_the_oracle_has_no_such_pair() -> None:
    text = changed(
        (POLICY, 'policy = "float"\n\n[funding.float]\nrate = "0.0066"'),
        ('currency = "KES"', 'currency = "XYZ"'),
        ('currency = "EUR"', 'currency = "KES"'),
        ('currency = "XYZ"', 'currency = "EUR"'),
    )
    with pytest.raises(TermsRejectedError, match=r"funding\.policy: expected lock or convert_now, .* no pair KES/EUR"):
        check_terms(parse_terms(text), SALT, context())


@pytest.mark.parametrize("policy", ["lock", "float"])
def test_a_conversion_is_refused_when_both_currencies_are_the_same(policy: str) -> None:
    text = changed((POLICY, f'policy = "{policy}"'), ('currency = "EUR"', 'currency = "KES"'))
    checking = replace(context(), reference_rate=lambda _base, _quote: Rate(1, 1))
    with pytest.raises(TermsRejectedError, match=r"funding\.policy: expected none, as both"):
        check_terms(parse_terms(text), SALT, checking)


def test_the_other_banks_document_is_refused_when_its_float_is_missing_or_too_much() -> None:
    document = fx_terms('rate = "150"')
    check_document(document, context())
    for changes in ({"float_": None}, {"policy": "lock"}):
        funding = document.funding.model_copy(update=changes)
        with pytest.raises(TermsRejectedError, match=r"funding\.float: expected the float's terms with policy float"):
            check_document(document.model_copy(update={"funding": funding}), context())


def test_the_other_banks_document_is_refused_when_a_window_is_too_long() -> None:
    document = fx_terms('rate = "150"')
    windows = document.windows.model_copy(update={"choice_s": 400 * 86_400 + 1})
    with pytest.raises(TermsRejectedError, match=r"windows\.choice_s: expected at most"):
        check_document(document.model_copy(update={"windows": windows}), context())


@pytest.mark.parametrize("policy", ["lock", "float"])
def test_the_struct_is_the_one_a_verifier_derives_when_terms_lock_or_float(policy: str) -> None:
    if policy == "lock":
        document = check_terms(parse_terms(changed((POLICY, 'policy = "lock"'))), SALT, context())
    else:
        document = fx_terms('rate = "150.25"\nshare_bps = 5000\ncalls_max = 2')
    importer = document.importer.model_copy(update={"account": ACCOUNTS["bloem"]})
    document = document.model_copy(update={"importer": importer})
    deployment = genesis()[1]
    tokens = {token.address: Token(code, token.address, 2) for code, token in deployment.tokens.items()}
    network = Network(bytes(32), "devnet", deployment.chain_id, (), deployment.contracts, tokens, {})
    assert build_struct(document, deployment) == struct_from_document(shown_json(canonical(document)), network)
