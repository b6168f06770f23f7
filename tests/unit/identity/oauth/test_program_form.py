"""Keys of a program as they are pasted."""

import pytest

from node.identity.oauth.pages import SCOPES, read_keys
from node.web.console.errors import FormFieldError
from node.web.console.forms import Form
from node.web.permissions import Permission

KEY = '{"kty": "OKP", "crv": "Ed25519", "x": "AA"}'


@pytest.mark.parametrize("written", [f'{{"keys": [{KEY}]}}', f"[{KEY}]", KEY])
def test_keys_are_read_when_they_are_a_set_a_list_or_one(written: str) -> None:
    (key,) = read_keys(Form({"jwks": written}, {}))
    assert key["kty"] == "OKP"


@pytest.mark.parametrize("written", ["", "{nope", "[" * 100_000, '"a"', "7", '{"keys": 7}'])
def test_keys_are_refused_when_they_are_none(written: str) -> None:
    with pytest.raises(FormFieldError) as refused:
        read_keys(Form({"jwks": written}, {}))
    assert refused.value.field == "jwks"


def test_program_is_offered_no_part_in_deciding_what_another_proposes() -> None:
    assert Permission.APPROVALS_DECIDE not in SCOPES
    assert Permission.ACT_ALONE not in SCOPES
    assert Permission.TRADES_READ in SCOPES
