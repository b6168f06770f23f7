"""Sends a proposal's request again inside this process, with the word of the person who approved it.

It takes the way every request takes, so that everything is checked again as it is now; what the checker did not see
because it changed meanwhile is refused by the request's own rules.
"""

from fastapi import Request

from node.web.approvals.store import ProposalRow
from node.web.auth import Principal
from node.web.idempotency import APPROVAL, Approval
from node.web.inside import Answered, Sent, send_inside


async def replay(request: Request, row: ProposalRow, maker: Principal, checker: str) -> Answered:
    """Send the request of `row` as its maker did; `request` is the approval."""
    sent = Sent(row.method, row.path, row.query, row.headers, row.body or b"")
    return await send_inside(request, sent, maker, **{APPROVAL: Approval(row.id, checker)})
