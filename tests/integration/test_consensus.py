"""Networks of validators that agree, with the real CometBFT."""

from pathlib import Path

from tests.integration.consensus_nodes import institution, network, transfer, wait_until


async def test_one_validator_makes_blocks(tmp_path: Path, engines: Path) -> None:
    payer = institution()
    async with network(tmp_path / "n", engines, 1) as made:
        await made.start()
        node = made.validators[0].chain
        await wait_until(lambda: node.chain.height > 0, "the first height")
        tx_hash = await node.intake.submit(transfer(payer, value=5))
        await wait_until(lambda: node.store.place_of(tx_hash) is not None, "the transaction in a block")
        assert node.application.head.number == 1
