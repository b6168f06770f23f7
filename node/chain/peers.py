"""Which nodes may connect: those that the members allow, as the contract Governance has them at the head.

A connection that is there stays when its node is taken off the list; it is refused the next time.

Source: docs/spec/governance.md, "Peers".
"""

from typing import Final

from contracts.client.artifacts import decode_result, encode_call
from node.chain.application import Application
from node.chain.consensus import governance_address
from node.chain.errors import PeerRefusedError
from node.chain.limits import CALL_GAS_MAX
from node.chain.ports import CallRequest

_CONTRACT: Final = "Governance"


class PeerList:
    """Asks the state, once for each block."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._contract = governance_address(application.genesis)
        self._head = b""
        self._node_ids: frozenset[bytes] = frozenset()

    async def check(self, node_id: str) -> None:
        """Return when the node may connect.

        Args:
            node_id: As CometBFT writes it, 40 hex digits.

        Raises:
            PeerRefusedError: it may not.
        """
        try:
            wanted = bytes.fromhex(node_id)
        except ValueError:
            wanted = b""
        if wanted not in await self._allowed():
            raise PeerRefusedError(
                f"peer: expected a node that the members allow, got {node_id[:64]!r}; let them vote: allow_node"
            )

    async def _allowed(self) -> frozenset[bytes]:
        head = self._application.head
        if self._head != head.hash:
            data = encode_call(_CONTRACT, "node_ids", ())
            request = CallRequest(sender=bytes(20), to=self._contract, gas=CALL_GAS_MAX, value=0, data=data)
            answer = await self._application.engine.call(head, request, {})
            self._node_ids = frozenset(decode_result(_CONTRACT, "node_ids", 0, answer))
            self._head = head.hash
        return self._node_ids
