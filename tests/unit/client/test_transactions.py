"""Signed transactions, against eth-account as the independent reader."""

from eth_hash.auto import keccak

from contracts.client.transactions import GAS_DEFAULT, gas_limit, sign_call
from tests.unit.client.fake_chain import CHAIN_ID, Actor, contract_address


def test_sign_call_is_read_as_meant_when_eth_account_decodes_it() -> None:
    from eth_account import Account
    from eth_account.typed_transactions import TypedTransaction
    from hexbytes import HexBytes

    sender, to = Actor("payer"), contract_address("TradeEscrow")
    signed = sign_call(chain_id=CHAIN_ID, nonce=3, gas=100_000, to=to, data=b"\x01\x02", sign_digest=sender.sign_digest)
    assert Account.recover_transaction(signed.raw) == sender.address
    read = TypedTransaction.from_bytes(HexBytes(signed.raw)).as_dict()
    assert (read["chainId"], read["nonce"], read["gas"], read["value"]) == (CHAIN_ID, 3, 100_000, 0)
    assert (read["maxFeePerGas"], read["maxPriorityFeePerGas"]) == (0, 0)
    assert bytes(read["data"]) == b"\x01\x02"
    assert signed.tx_hash == keccak(signed.raw)


def test_gas_limit_is_higher_when_the_call_carries_whole_terms() -> None:
    assert gas_limit("fund") > gas_limit("transfer") == GAS_DEFAULT
