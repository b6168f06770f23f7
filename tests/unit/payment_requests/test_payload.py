"""Codes against the vectors of docs/spec/payment-qr.md: written alike, and refused for the reason that they name."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.client import typed_data
from fx.money import Money
from node.participants.directory import Directory
from node.payment_requests import emv, errors
from node.payment_requests.payload import PRIMARY_TYPE, PaymentRequest, latin, read, write
from tests.unit.client.fake_chain import Actor, deployment

ROOT = Path(__file__).parents[3]
VECTORS: dict[str, Any] = json.loads((ROOT / "tests/vectors/payment-qr/vectors.json").read_text("utf-8"))
REQUEST = PaymentRequest(
    bank=VECTORS["bank"]["lei"],
    account=VECTORS["request"]["account"],
    amount=Money.parse("1500.00", "KES"),
    name=VECTORS["request"]["name"],
    city=VECTORS["request"]["city"],
    country=VECTORS["request"]["country"],
    reference=VECTORS["request"]["reference"],
    label=VECTORS["request"]["label"],
    expires_at_s=VECTORS["request"]["expires_at"],
)


def sign(message: dict[str, Any]) -> bytes:
    assert message["text_hash"].hex() == VECTORS["text_hash"].removeprefix("0x")
    domain = deployment().token_domain("KES")
    return Actor("bank-ke").sign_digest(typed_data.digest(domain, PRIMARY_TYPE, message))


def test_code_is_the_one_of_the_specification_when_it_is_written() -> None:
    written = write(REQUEST, deployment(), sign)
    assert written.payload == VECTORS["payload"]
    assert "0x" + written.id.hex() == VECTORS["id"]
    assert written.payload.startswith(VECTORS["text"])
    told = (ROOT / "docs/spec/payment-qr.md").read_text("utf-8")
    assert VECTORS["payload"] in told.replace("\n", "")
    assert VECTORS["id"] in told


def test_code_of_the_specification_is_read_until_it_expires() -> None:
    for now_s in (VECTORS["now"], REQUEST.expires_at_s):
        found = read(VECTORS["payload"], deployment(), Directory(deployment()), now_s)
        assert (found.request, "0x" + found.id.hex()) == (REQUEST, VECTORS["id"])


@pytest.mark.parametrize("case", VECTORS["rejects"], ids=lambda case: case["why"])
def test_code_is_refused_when(case: dict[str, Any]) -> None:
    with pytest.raises(getattr(errors, case["error"])):
        read(case["payload"], deployment(), Directory(deployment()), case.get("now", VECTORS["now"]))


def test_code_is_refused_when_an_object_that_nobody_reads_is_not_ascii() -> None:
    body = VECTORS["payload"][: -emv.CHECKSUM_CHARS]
    altered = emv.close(f"{body[:6]}6401é{body[6:]}")
    with pytest.raises(errors.PayloadError, match="printable ASCII"):
        read(altered, deployment(), Directory(deployment()), VECTORS["now"])


@pytest.mark.parametrize(
    ("text", "chars", "carried"),
    [
        ("Bloemenhuis BV", 25, "Bloemenhuis BV"),
        ("Łódź", 25, "Lodz"),
        ("北京", 25, "BeiJing"),
        ("\n", 5, "."),
        ("abc", 2, "ab"),
    ],
)
def test_name_is_in_latin_letters_when_a_code_carries_it(text: str, chars: int, carried: str) -> None:
    assert latin(text, chars) == carried
