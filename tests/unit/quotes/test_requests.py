"""A request is read as strictly as it is written, and priced or refused with the field that must change."""

from typing import Any

import pytest

from fx.rates import Rate
from node.quotes.errors import MessageRejectedError, RejectedError
from node.quotes.pricing import Pricing, build_quote
from node.quotes.requests import LOCK_S_MAX, Wanted, parse_request, request_body
from tests.unit.trades.ledger import address_of, genesis

NOW_S = 1_786_000_000
DAY_S = 86_400
PRICING = Pricing(spread_bps=30, fee_bps=8, lock_premium_bps_per_30d=40, cancel_fee_bps=50)
MID = Rate(150, 1)


def wanted(**changes: Any) -> Wanted:
    asked = {
        "taker": address_of("bank-nl"),
        "sell_currency": "EUR",
        "buy_currency": "KES",
        "buy_minor": 1_500_000,
        "min_minor": 1_500_000,
        "max_minor": 1_500_000,
        "trade_id": b"\x07" * 32,
        "lock_until_s": NOW_S + 60 * DAY_S,
    }
    return Wanted(**{**asked, **changes})


def body(**changes: Any) -> dict[str, Any]:
    return {**request_body("r1", wanted(), genesis()[1].address("TradeEscrow")), **changes}


def quote(asked: Wanted, pricing: Pricing = PRICING) -> dict[str, Any]:
    return build_quote(
        pricing,
        asked,
        MID,
        provider=address_of("fx-amber"),
        deployment=genesis()[1],
        reserve_id=bytes(32),
        salt=bytes(32),
        now_s=NOW_S,
    )


@pytest.mark.parametrize("asked", [wanted(), wanted(lock_until_s=None, min_minor=1, max_minor=2_000_000)])
def test_a_request_is_the_same_when_it_is_written_and_read(asked: Wanted) -> None:
    notary = genesis()[1].address("TradeEscrow")
    assert parse_request(request_body("r1", asked, notary), genesis()[1]) == asked


def test_a_request_is_for_exactly_the_amount_when_it_names_no_kind_and_no_bounds() -> None:
    spot = {key: body()[key] for key in ("taker", "sell_currency", "buy_currency", "buy_minor", "trade_id")}
    assert parse_request(spot, genesis()[1]) == wanted(lock_until_s=None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "swap"}, "kind"),
        ({"buy_currency": "EUR"}, "buy_currency"),
        ({"buy_currency": "XXX"}, "buy_currency"),
        ({"buy_minor": "0"}, "buy_minor"),
        ({"buy_minor": str(2**72)}, "buy_minor"),
        ({"kind": "spot", "min_minor": "0"}, "max_minor"),
        ({"kind": "spot", "min_minor": "1500001"}, "max_minor"),
        ({"kind": "spot", "max_minor": "1499999"}, "max_minor"),
        ({"kind": "spot", "max_minor": str(2**72)}, "max_minor"),
        ({"max_minor": "1500001"}, "max_minor"),
        ({"min_minor": "1499999"}, "max_minor"),
        ({"trade_id": None}, "trade_id"),
        ({"lock_until_s": None}, "lock_until_s"),
        ({"notary": None}, "notary"),
        ({"notary": "0x" + "11" * 20}, "notary"),
    ],
)
def test_a_request_is_refused_with_the_field_when_nobody_could_settle_it(changes: dict[str, Any], field: str) -> None:
    parse_request(body(), genesis()[1])
    with pytest.raises(RejectedError) as caught:
        parse_request(body(**changes), genesis()[1])
    assert caught.value.field == field


def test_a_malformed_amount_is_the_senders_fault() -> None:
    with pytest.raises(MessageRejectedError, match="buy_minor"):
        parse_request(body(buy_minor=1_500_000), genesis()[1])


def test_a_lock_costs_a_premium_by_time_and_states_its_cancel_fee() -> None:
    found = quote(wanted())
    # 1,500,000 at 150 x 0.997 x 0.9992 cost 10,039; 40 basis points for each of two 30 days, 50 to give it up.
    sold = -(-1_500_000 * found["rate_den"] // found["rate_num"])
    assert sold == 10_039
    assert (found["kind"], found["lock_until"]) == (1, NOW_S + 60 * DAY_S)
    assert found["premium"] == -(-sold * 80 // 10_000) == 81
    assert found["cancel_fee"] == -(-sold * 50 // 10_000) == 51
    assert (found["min_amount"], found["max_amount"]) == (1_500_000, 1_500_000)


def test_a_spot_quote_has_neither_premium_nor_cancel_fee() -> None:
    found = quote(wanted(lock_until_s=None, max_minor=2_000_000))
    assert (found["kind"], found["lock_until"], found["premium"], found["cancel_fee"]) == (0, 0, 0, 0)
    assert (found["min_amount"], found["max_amount"]) == (1_500_000, 2_000_000)


@pytest.mark.parametrize(
    ("lock_until_s", "is_quoted"),
    [
        (NOW_S + PRICING.valid_s, False),
        (NOW_S + PRICING.valid_s + 1, True),
        (NOW_S + LOCK_S_MAX, True),
        (NOW_S + LOCK_S_MAX + 1, False),
    ],
)
def test_a_lock_is_quoted_when_it_outlives_its_quote_and_the_token_can_hold_it(
    lock_until_s: int, is_quoted: bool
) -> None:
    if is_quoted:
        assert quote(wanted(lock_until_s=lock_until_s))["lock_until"] == lock_until_s
    else:
        with pytest.raises(RejectedError, match="lock_until_s"):
            quote(wanted(lock_until_s=lock_until_s))


def test_an_amount_is_refused_when_its_price_is_beyond_the_contracts() -> None:
    with pytest.raises(RejectedError, match="sell_amount"):
        build_quote(
            PRICING,
            wanted(buy_minor=2**71, min_minor=2**71, max_minor=2**71),
            Rate(1, 100),
            provider=address_of("fx-amber"),
            deployment=genesis()[1],
            reserve_id=bytes(32),
            salt=bytes(32),
            now_s=NOW_S,
        )
