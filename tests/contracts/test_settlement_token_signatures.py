"""Signatures that SettlementToken takes: EIP-712 domain, EIP-2612, EIP-3009, signed holds, EIP-1271 accounts.

Each signature is tried on the wrong chain, the wrong contract, after its time, twice, by the wrong key, and bent.
"""

from dataclasses import replace
from typing import Any

import boa
import pytest
from eth_abi import encode
from eth_utils.abi import function_signature_to_4byte_selector as selector

from contracts.client.typed_data import digest, domain_separator
from tests.contracts.support import (
    DAY_S,
    ROOT,
    UNLIMITED,
    ZERO_ADDRESS,
    ZERO_BYTES32,
    Actor,
    Holds,
    advance_to,
    call_raw,
    deploy,
    events_of,
    now_s,
    salt,
    token_domain,
)

HELPERS = ROOT / "tests" / "contracts" / "helpers"
PAYER_HAS = 40_000
# Order of secp256k1.
GROUP_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SPAN = "uint256,uint256,uint256,bytes32"


def split(signature: bytes) -> tuple[int, bytes, bytes]:
    """Return v, r, s."""
    return signature[64], signature[:32], signature[32:64]


def bent(signature: bytes) -> list[bytes]:
    """Return signatures that look almost like this one and must not count."""
    v, r, s = split(signature)
    high_s = (GROUP_ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")
    return [
        r + high_s + bytes([55 - v]),
        r + s + bytes([55 - v]),
        r + s + bytes([v - 27]),
        r + s + b"\x00",
        ZERO_BYTES32 + s + bytes([v]),
        r + ZERO_BYTES32 + bytes([v]),
        r + s,
        b"",
    ]


def authorization(sender: Actor, to: Actor, value: int, **fields: Any) -> dict[str, Any]:
    return {
        "from": sender.address,
        "to": to.address,
        "value": value,
        "validAfter": fields.get("after", now_s() - 1),
        "validBefore": fields.get("before", now_s() + 60),
        "nonce": fields.get("nonce", salt(1)),
    }


def pay(token: Any, message: dict[str, Any], signature: bytes, caller: Actor, *, receive: bool = False) -> None:
    call = token.receiveWithAuthorization if receive else token.transferWithAuthorization
    call(*message.values(), *split(signature), sender=caller.address)


def pay_by_bytes(token: Any, message: dict[str, Any], signature: bytes, caller: Actor, name: str) -> None:
    data = encode(
        ["address", "address", "uint256", "uint256", "uint256", "bytes32", "bytes"], [*message.values(), signature]
    )
    call_raw(token, selector(f"{name}(address,address,{SPAN},bytes)") + data, caller)


# ------------------------------------------------------------------ domain


def test_domain_is_that_of_the_table_when_asked(eur: Any) -> None:
    domain = token_domain(eur)
    assert eur.DOMAIN_SEPARATOR() == domain_separator(domain)
    assert tuple(eur.eip712Domain()) == (
        b"\x0f",
        "Landfall Euro",
        "1",
        domain.chain_id,
        eur.address,
        ZERO_BYTES32,
        [],
    )


def test_domain_follows_the_chain_when_its_id_changes(eur: Any) -> None:
    here = eur.DOMAIN_SEPARATOR()
    boa.env.evm.patch.chain_id = 999
    assert eur.DOMAIN_SEPARATOR() != here
    assert eur.DOMAIN_SEPARATOR() == domain_separator(token_domain(eur))


@pytest.mark.parametrize("field", ["name", "chain_id", "verifying_contract"])
def test_every_signature_is_refused_when_made_for_another_domain(
    funded_eur: Any, kes: Any, payer: Actor, payee: Actor, notary: Actor, relayer: Actor, field: str
) -> None:
    other = {"name": kes.name(), "chain_id": 2, "verifying_contract": str(kes.address)}
    domain = replace(token_domain(funded_eur), **{field: other[field]})
    holds = Holds(funded_eur)

    message = holds.message(payer.address, notary.address, 10, now_s() + DAY_S)
    with boa.reverts("token: bad signature"):
        holds.submit(message | {"signature": payer.sign(domain, "Hold", message)}, sender=notary.address)

    hold_id = holds.place(payer, notary.address, 10, now_s() + DAY_S)
    fields = {"hold_id": hold_id, "amount": 11, "expires_at": now_s() + DAY_S, "valid_until": UNLIMITED}
    with boa.reverts("token: bad signature"):
        funded_eur.increase_hold(*fields.values(), payer.sign(domain, "IncreaseHold", fields), sender=notary.address)

    transfer = authorization(payer, payee, 5)
    for name, caller, receive in (
        ("TransferWithAuthorization", relayer, False),
        ("ReceiveWithAuthorization", payee, True),
    ):
        with boa.reverts("token: bad signature"):
            pay(funded_eur, transfer, payer.sign(domain, name, transfer), caller, receive=receive)
    cancel = {"authorizer": payer.address, "nonce": salt(1)}
    signature = payer.sign(domain, "CancelAuthorization", cancel)
    with boa.reverts("token: bad signature"):
        funded_eur.cancelAuthorization(*cancel.values(), *split(signature), sender=relayer.address)

    permit = permit_message(payer, relayer, 5, 0)
    signature = payer.sign(domain, "Permit", permit)
    with boa.reverts("token: bad signature"):
        submit_permit(funded_eur, permit, signature, relayer)


# ------------------------------------------------------------------ EIP-2612


def permit_message(owner: Actor, spender: Actor, value: int, nonce: int, deadline: int = UNLIMITED) -> dict[str, Any]:
    return {
        "owner": owner.address,
        "spender": spender.address,
        "value": value,
        "nonce": nonce,
        "deadline": deadline,
    }


def submit_permit(token: Any, message: dict[str, Any], signature: bytes, caller: Actor) -> None:
    token.permit(
        message["owner"],
        message["spender"],
        message["value"],
        message["deadline"],
        *split(signature),
        sender=caller.address,
    )


def test_permit_sets_the_allowance_once_when_signed(eur: Any, payer: Actor, payee: Actor, relayer: Actor) -> None:
    message = permit_message(payer, payee, 77, 0, now_s())
    signature = payer.sign(token_domain(eur), "Permit", message)

    submit_permit(eur, message, signature, relayer)

    assert eur.allowance(payer.address, payee.address) == 77
    assert eur.nonces(payer.address) == 1
    with boa.reverts("token: bad signature"):
        submit_permit(eur, message, signature, relayer)


def test_permit_refuses_when_late_bent_or_of_another(
    eur: Any, payer: Actor, payee: Actor, relayer: Actor, stranger: Actor
) -> None:
    message = permit_message(payer, payee, 77, 0, now_s())
    signature = payer.sign(token_domain(eur), "Permit", message)
    wrong = [stranger.sign(token_domain(eur), "Permit", message)]
    for signed in [*wrong, *(item for item in bent(signature) if len(item) == 65)]:
        with boa.reverts("token: bad signature"):
            submit_permit(eur, message, signed, relayer)
    with boa.reverts("token: bad signature"):
        submit_permit(eur, message | {"value": 78}, signature, relayer)
    with boa.reverts("token: bad signature"):
        submit_permit(eur, message | {"owner": ZERO_ADDRESS}, signature, relayer)
    advance_to(message["deadline"] + 1)
    with boa.reverts("token: signature expired"):
        submit_permit(eur, message, signature, relayer)


# ------------------------------------------------------------------ EIP-3009


@pytest.mark.parametrize("as_bytes", [False, True])
def test_authorized_transfer_pays_once_when_relayed(
    funded_eur: Any, payer: Actor, payee: Actor, relayer: Actor, as_bytes: bool
) -> None:
    message = authorization(payer, payee, 1_000)
    signature = payer.sign(token_domain(funded_eur), "TransferWithAuthorization", message)

    def submit() -> None:
        if as_bytes:
            pay_by_bytes(funded_eur, message, signature, relayer, "transferWithAuthorization")
        else:
            pay(funded_eur, message, signature, relayer)

    submit()

    assert events_of(funded_eur, "AuthorizationUsed") == [{"authorizer": payer.address, "nonce": salt(1)}]
    assert funded_eur.balanceOf(payee.address) == 1_000
    assert funded_eur.authorizationState(payer.address, salt(1)) is True
    with boa.reverts("token: authorization used"):
        submit()


@pytest.mark.parametrize("as_bytes", [False, True])
def test_authorized_receipt_refuses_when_anyone_but_the_receiver_calls(
    funded_eur: Any, payer: Actor, payee: Actor, relayer: Actor, as_bytes: bool
) -> None:
    message = authorization(payer, payee, 1_000)
    signature = payer.sign(token_domain(funded_eur), "ReceiveWithAuthorization", message)

    def submit(caller: Actor) -> None:
        if as_bytes:
            pay_by_bytes(funded_eur, message, signature, caller, "receiveWithAuthorization")
        else:
            pay(funded_eur, message, signature, caller, receive=True)

    with boa.reverts("token: not the receiver"):
        submit(relayer)
    submit(payee)
    assert funded_eur.balanceOf(payee.address) == 1_000


def test_authorization_to_transfer_does_not_count_when_used_to_receive(
    funded_eur: Any, payer: Actor, payee: Actor
) -> None:
    message = authorization(payer, payee, 1_000)
    signature = payer.sign(token_domain(funded_eur), "TransferWithAuthorization", message)
    with boa.reverts("token: bad signature"):
        pay(funded_eur, message, signature, payee, receive=True)


def test_authorization_counts_strictly_between_its_times(
    funded_eur: Any, payer: Actor, payee: Actor, relayer: Actor
) -> None:
    after, before = now_s() + 10, now_s() + 12
    message = authorization(payer, payee, 1, after=after, before=before)
    signature = payer.sign(token_domain(funded_eur), "TransferWithAuthorization", message)
    advance_to(after)
    with boa.reverts("token: signature not yet valid"):
        pay(funded_eur, message, signature, relayer)
    with boa.env.anchor():
        advance_to(before)
        with boa.reverts("token: signature expired"):
            pay(funded_eur, message, signature, relayer)
    advance_to(after + 1)
    pay(funded_eur, message, signature, relayer)


def test_authorization_refuses_when_bent_changed_or_beyond_the_balance(
    funded_eur: Any, payer: Actor, payee: Actor, relayer: Actor, stranger: Actor
) -> None:
    message = authorization(payer, payee, 1_000)
    signature = payer.sign(token_domain(funded_eur), "TransferWithAuthorization", message)
    for signed in bent(signature):
        with boa.reverts("token: bad signature"):
            pay_by_bytes(funded_eur, message, signed, relayer, "transferWithAuthorization")
    for changed in ({"to": stranger.address}, {"value": 1_001}, {"nonce": salt(2)}, {"from": ZERO_ADDRESS}):
        with boa.reverts("token: bad signature"):
            pay(funded_eur, message | changed, signature, relayer)
    much = authorization(payer, payee, PAYER_HAS + 1)
    with boa.reverts("token: not enough available"):
        pay(funded_eur, much, payer.sign(token_domain(funded_eur), "TransferWithAuthorization", much), relayer)


@pytest.mark.parametrize("as_bytes", [False, True])
def test_cancelled_authorization_refuses_when_used(
    funded_eur: Any, payer: Actor, payee: Actor, relayer: Actor, as_bytes: bool
) -> None:
    domain = token_domain(funded_eur)
    cancel = {"authorizer": payer.address, "nonce": salt(1)}
    signature = payer.sign(domain, "CancelAuthorization", cancel)

    def submit() -> None:
        if as_bytes:
            data = encode(["address", "bytes32", "bytes"], [*cancel.values(), signature])
            call_raw(funded_eur, selector("cancelAuthorization(address,bytes32,bytes)") + data, relayer)
        else:
            funded_eur.cancelAuthorization(*cancel.values(), *split(signature), sender=relayer.address)

    submit()

    assert events_of(funded_eur, "AuthorizationCanceled") == [{"authorizer": payer.address, "nonce": salt(1)}]
    with boa.reverts("token: authorization used"):
        submit()
    message = authorization(payer, payee, 1)
    with boa.reverts("token: authorization used"):
        pay(funded_eur, message, payer.sign(domain, "TransferWithAuthorization", message), relayer)


def test_call_by_bytes_refuses_when_its_arguments_do_not_decode(eur: Any, relayer: Actor) -> None:
    for name in ("transferWithAuthorization", "receiveWithAuthorization"):
        call = selector(f"{name}(address,address,{SPAN},bytes)")
        too_long = encode(
            ["address", "address", "uint256", "uint256", "uint256", "bytes32", "bytes"],
            [ZERO_ADDRESS, ZERO_ADDRESS, 0, 0, 0, ZERO_BYTES32, bytes(513)],
        )
        for arguments in (b"", bytes(31), b"\xff" * 256, too_long):
            with boa.reverts():
                call_raw(eur, call + arguments, relayer)


# ------------------------------------------------------------------ signed holds


def test_hold_signed_counts_until_its_last_second(
    funded_eur: Any, eur_holds: Holds, payer: Actor, notary: Actor
) -> None:
    message = eur_holds.sign(payer, notary.address, 10, now_s() + DAY_S, valid_until=now_s() + 60)
    with boa.env.anchor():
        advance_to(message["valid_until"] + 1)
        with boa.reverts("token: signature expired"):
            eur_holds.submit(message, sender=notary.address)
    advance_to(message["valid_until"])
    eur_holds.submit(message, sender=notary.address)


def test_hold_signed_refuses_when_used_before(funded_eur: Any, eur_holds: Holds, payer: Actor, notary: Actor) -> None:
    message = eur_holds.sign(payer, notary.address, 10, now_s() + DAY_S)
    eur_holds.submit(message, sender=notary.address)
    with boa.reverts("token: signature used"):
        eur_holds.submit(message, sender=notary.address)
    # Another signature over the same salt meets the hold's id.
    with boa.reverts("token: hold exists"):
        eur_holds.place(payer, notary.address, 11, now_s() + DAY_S, salt=message["salt"])


def test_hold_signed_refuses_when_bent_or_changed(
    funded_eur: Any, eur_holds: Holds, payer: Actor, payee: Actor, notary: Actor
) -> None:
    message = eur_holds.sign(payer, notary.address, 10, now_s() + DAY_S)
    changes: list[dict[str, Any]] = [{"signature": signed} for signed in bent(message["signature"])]
    changes += [
        {"owner": payee.address},
        {"owner": ZERO_ADDRESS},
        {"amount": 11},
        {"expires_at": message["expires_at"] + 1},
        {"reference": b"\x01" * 32},
        {"salt": salt(99)},
        {"valid_until": message["valid_until"] + 1},
    ]
    for change in changes:
        with boa.reverts("token: bad signature"):
            eur_holds.submit(message | change, sender=notary.address)
    eur_holds.submit(message, sender=notary.address)


def test_revoke_stops_a_signed_hold_when_the_signer_asks(
    funded_eur: Any, eur_holds: Holds, payer: Actor, notary: Actor, stranger: Actor
) -> None:
    message = eur_holds.sign(payer, notary.address, 10, now_s() + DAY_S)
    signed = digest(token_domain(funded_eur), "Hold", message)

    # A stranger revokes only what it could have signed itself.
    funded_eur.revoke(signed, sender=stranger.address)
    with boa.env.anchor():
        eur_holds.submit(message, sender=notary.address)

    funded_eur.revoke(signed, sender=payer.address)
    assert events_of(funded_eur, "DigestRevoked") == [{"signer": payer.address, "digest": signed}]
    assert funded_eur.is_digest_used(payer.address, signed) is True
    with boa.reverts("token: signature used"):
        eur_holds.submit(message, sender=notary.address)
    with boa.reverts("token: signature used"):
        funded_eur.revoke(signed, sender=payer.address)


# ------------------------------------------------------------------ EIP-1271


@pytest.fixture
def wallet(funded_eur: Any, bank: Actor) -> Any:
    """An account that is a contract, with 50.00."""
    contract = deploy("Wallet", folder=HELPERS)
    funded_eur.transfer(contract.address, 5_000, sender=bank.address)
    return contract


def test_contract_account_holds_when_it_accepts_the_digest(
    funded_eur: Any, eur_holds: Holds, wallet: Any, notary: Actor
) -> None:
    message = eur_holds.message(wallet.address, notary.address, 10, now_s() + DAY_S)
    with boa.reverts("token: bad signature"):
        eur_holds.submit(message | {"signature": b"anything"}, sender=notary.address)
    wallet.accept(digest(token_domain(funded_eur), "Hold", message))

    for length in (0, 65, 512):
        with boa.env.anchor():
            hold_id = eur_holds.submit(message | {"signature": b"\x01" * length}, sender=notary.address)
            assert funded_eur.get_hold(hold_id)[0] == wallet.address


def test_contract_account_pays_by_bytes_and_by_parts_when_it_accepts(
    funded_eur: Any, wallet: Any, payee: Actor, relayer: Actor
) -> None:
    for number, as_bytes in enumerate((True, False)):
        message = authorization(payee, payee, 7, nonce=salt(number)) | {"from": str(wallet.address)}
        wallet.accept(digest(token_domain(funded_eur), "TransferWithAuthorization", message))
        if as_bytes:
            pay_by_bytes(funded_eur, message, b"\x01" * 300, relayer, "transferWithAuthorization")
        else:
            pay(funded_eur, message, b"\x01" * 65, relayer)
    assert funded_eur.balanceOf(payee.address) == 14


@pytest.mark.parametrize("mode", [1, 2, 3, 4, 5, 6])
def test_contract_account_is_not_believed_when_it_misbehaves(
    funded_eur: Any, eur_holds: Holds, wallet: Any, notary: Actor, mode: int
) -> None:
    """It answers another word, reverts, answers nothing or too little, tries to pay, tries to write."""
    message = eur_holds.message(wallet.address, notary.address, 10, now_s() + DAY_S)
    wallet.accept(digest(token_domain(funded_eur), "Hold", message))
    wallet.set_mode(mode, funded_eur.address)
    with boa.reverts("token: bad signature"):
        eur_holds.submit(message | {"signature": b"\x01"}, sender=notary.address)
    assert wallet.asked() == 0
    assert funded_eur.balanceOf(wallet.address) == 5_000


def test_hostile_notary_contract_gains_nothing_when_it_calls_again(
    funded_eur: Any, eur_holds: Holds, registry: Any, governor: Actor, payer: Actor, payee: Actor
) -> None:
    """A notary that is a contract meets the same checks call by call: it pays out a hold once."""
    notary = deploy("Wallet", folder=HELPERS)
    registry.set_notary(notary.address, True, False, sender=governor.address)
    hold_id = eur_holds.place(payer, str(notary.address), 10, now_s() + DAY_S)
    execute = selector("execute_hold(bytes32,address,uint256)") + encode(
        ["bytes32", "address", "uint256"], [hold_id, payee.address, 10]
    )
    notary.call(funded_eur.address, execute)
    with boa.reverts():
        notary.call(funded_eur.address, execute)
    assert funded_eur.balanceOf(payee.address) == 10


def test_key_signature_counts_when_the_owner_is_a_plain_account_only(
    funded_eur: Any, eur_holds: Holds, wallet: Any, payer: Actor, notary: Actor
) -> None:
    """A key's signature does not speak for a contract account."""
    message = eur_holds.message(wallet.address, notary.address, 10, now_s() + DAY_S)
    signature = payer.sign(token_domain(funded_eur), "Hold", message)
    with boa.reverts("token: bad signature"):
        eur_holds.submit(message | {"signature": signature}, sender=notary.address)
