"""What a member does in the council: each action sends one transaction and says what is so afterwards."""

from collections.abc import Sequence
from typing import Any

from contracts.client.chain_client import ChainClient
from node.app.council.sending import Account, send
from node.app.council.shown import proposal_json, votes_needed
from node.app.council.state import Call, Council, read_council


async def propose(
    client: ChainClient, account: Account, calls: Sequence[Call], title: str, *, is_forced: bool
) -> dict[str, Any]:
    """Put calls to the vote; return the proposal."""
    targets = [{"target": call.target, "data": call.data} for call in calls]
    tx_hash, events = await send(client, account, "propose", targets, is_forced, title)
    number = next(int(event["id"]) for event in events if event.get("event") == "Proposed")
    return await _after(client, number, tx_hash)


async def vote(client: ChainClient, account: Account, number: int, *, approve: bool) -> dict[str, Any]:
    """Vote about a proposal; return it."""
    tx_hash, _ = await send(client, account, "vote", number, approve)
    return await _after(client, number, tx_hash)


async def cancel(client: ChainClient, account: Account, number: int) -> dict[str, Any]:
    """Take a proposal back before it has passed."""
    tx_hash, _ = await send(client, account, "cancel", number)
    return {"proposal": number, "state": "cancelled", "transaction": tx_hash}


async def execute(client: ChainClient, account: Account, number: int) -> dict[str, Any]:
    """Have a proposal carried out."""
    tx_hash, _ = await send(client, account, "execute", number)
    return {"proposal": number, "state": "executed", "transaction": tx_hash}


async def report(
    client: ChainClient, account: Account, council: Council, bank: str, digest: bytes, height: int
) -> dict[str, Any]:
    """Report a double signature; more than two thirds of the members jail the bank at once."""
    tx_hash, events = await send(client, account, "report_double_sign", bank, digest, height)
    reporters = await client.call("Governance", "reports_of", bank, digest, height)
    return {
        "bank": council.name(bank),
        "is_jailed": any(event.get("event") == "Jailed" for event in events),
        "reports": [council.name(address) for address in reporters],
        "reports_needed": votes_needed(council.members_count),
        "transaction": tx_hash,
    }


async def _after(client: ChainClient, number: int, tx_hash: str) -> dict[str, Any]:
    council = await read_council(client)
    return {**proposal_json(council, council.proposal(number)), "transaction": tx_hash}
