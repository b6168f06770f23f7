"""The API's resources for programs that await.

Written by scripts/build_client.py from the routes; do not edit.
"""

from collections.abc import AsyncIterator
from typing import Any, Literal, Protocol, cast

from node.client.calls import Call
from node.client.resources import models


class Sender(Protocol):
    """Makes calls."""

    async def send(self, call: Call) -> Any: ...

    def pages(self, call: Call) -> AsyncIterator[Any]: ...


class Approvals:
    """Resources `approvals`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_proposals(
        self,
        *,
        state: Literal["open", "done", "rejected", "withdrawn", "expired"] | None = None,
        limit: int | None = None,
        sort: Literal["made", "-made"] | None = None,
    ) -> AsyncIterator[models.ProposalOut]:
        """Return proposals, the latest first: all to staff, a customer's people see that customer's own."""
        return cast(
            "AsyncIterator[models.ProposalOut]",
            self._sender.pages(Call("GET", "/approvals", query={"state": state, "limit": limit, "sort": sort})),
        )

    async def get_proposal(self, proposal_id: str) -> models.ProposalOut:
        """Return a proposal."""
        return cast(
            "models.ProposalOut",
            await self._sender.send(Call("GET", "/approvals/{proposal_id}", in_path={"proposal_id": proposal_id})),
        )

    async def approve(self, proposal_id: str, *, key: str | None = None) -> models.DecisionOut:
        """Let a proposal take effect, as another person than its maker; approving again changes nothing more."""
        return cast(
            "models.DecisionOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/approvals/{proposal_id}/approve",
                    in_path={"proposal_id": proposal_id},
                    key=key,
                    is_once=True,
                )
            ),
        )

    async def reject(
        self, proposal_id: str, body: models.RejectProposalIn, *, key: str | None = None
    ) -> models.ProposalOut:
        """Say no to a proposal, with a reason that its maker reads."""
        return cast(
            "models.ProposalOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/approvals/{proposal_id}/reject",
                    in_path={"proposal_id": proposal_id},
                    body=body,
                    key=key,
                    is_once=True,
                )
            ),
        )

    async def withdraw(self, proposal_id: str, *, key: str | None = None) -> models.ProposalOut:
        """Take back a proposal, as its maker."""
        return cast(
            "models.ProposalOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/approvals/{proposal_id}/withdraw",
                    in_path={"proposal_id": proposal_id},
                    key=key,
                    is_once=True,
                )
            ),
        )

    def list_alone_limits(
        self, *, limit: int | None = None, sort: Literal["permission", "-permission"] | None = None
    ) -> AsyncIterator[models.LimitOut]:
        """Return up to which amounts one person may act alone; what is not listed always takes two."""
        return cast(
            "AsyncIterator[models.LimitOut]",
            self._sender.pages(Call("GET", "/alone-limits", query={"limit": limit, "sort": sort})),
        )

    async def set_alone_limit(self, body: models.LimitIn, *, key: str | None = None) -> models.LimitOut:
        """Let one person act alone up to an amount."""
        return cast(
            "models.LimitOut", await self._sender.send(Call("POST", "/alone-limits", body=body, key=key, is_once=True))
        )


class Arbiters:
    """Resources `arbiters`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_cases(
        self, *, limit: int | None = None, sort: Literal["award", "-award"] | None = None
    ) -> AsyncIterator[models.CaseOut]:
        """Return the disputes put before this arbiter, the earliest to be awarded first."""
        return cast(
            "AsyncIterator[models.CaseOut]",
            self._sender.pages(Call("GET", "/disputes", query={"limit": limit, "sort": sort})),
        )

    async def get_case(self, dispute: str) -> models.CaseOut:
        """Return one dispute with its terms, reasons and list of documents."""
        return cast(
            "models.CaseOut", await self._sender.send(Call("GET", "/disputes/{dispute}", in_path={"dispute": dispute}))
        )

    async def download_exhibit(self, dispute: str, sha256: str) -> bytes:
        """Return a document of a dispute, byte for byte."""
        return cast(
            "bytes",
            await self._sender.send(
                Call(
                    "GET",
                    "/disputes/{dispute}/documents/{sha256}",
                    in_path={"dispute": dispute, "sha256": sha256},
                    is_raw=True,
                )
            ),
        )

    async def award(self, dispute: str, body: models.AwardIn, *, key: str | None = None) -> models.CaseOut:
        """Decide a dispute: the exporter's share of the whole milestone, with reasons; final once the chain has it."""
        return cast(
            "models.CaseOut",
            await self._sender.send(
                Call(
                    "POST", "/disputes/{dispute}/award", in_path={"dispute": dispute}, body=body, key=key, is_once=True
                )
            ),
        )


class Attesters:
    """Resources `attesters`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_appointments(
        self,
        *,
        attested: bool | None = None,
        limit: int | None = None,
        sort: Literal["deadline", "-deadline", "reference", "-reference"] | None = None,
    ) -> AsyncIterator[models.AppointmentOut]:
        """Return the milestones that this institution was named to attest, the earliest deadline first."""
        return cast(
            "AsyncIterator[models.AppointmentOut]",
            self._sender.pages(
                Call("GET", "/appointments", query={"attested": attested, "limit": limit, "sort": sort})
            ),
        )


class Audit:
    """Resources `audit`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_entries(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        limit: int | None = None,
        sort: Literal["number", "-number"] | None = None,
    ) -> AsyncIterator[models.AuditEntryOut]:
        """Return entries, the latest first."""
        return cast(
            "AsyncIterator[models.AuditEntryOut]",
            self._sender.pages(
                Call("GET", "/audit/entries", query={"actor": actor, "action": action, "limit": limit, "sort": sort})
            ),
        )

    async def export(self, *, first: int | None = None) -> None:
        """Return the log with its signed heads as JSON lines: `landfall audit verify` needs nothing else."""
        await self._sender.send(Call("GET", "/audit/export", query={"first": first}))

    def list_heads(
        self, *, limit: int | None = None, sort: Literal["number", "-number"] | None = None
    ) -> AsyncIterator[models.HeadOut]:
        """Return the signed heads, the latest first."""
        return cast(
            "AsyncIterator[models.HeadOut]",
            self._sender.pages(Call("GET", "/audit/heads", query={"limit": limit, "sort": sort})),
        )

    async def sign_head(self, *, key: str | None = None) -> bytes:
        """Sign up to where the log reaches now; the head of today stands if there is one (null)."""
        return cast("bytes", await self._sender.send(Call("POST", "/audit/heads", key=key, is_once=True, is_raw=True)))


class Customers:
    """Resources `customers`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def draft(self, body: models.ApplicationIn, *, key: str | None = None) -> models.ApplicationOut:
        """Begin the application of somebody who wants to become a customer."""
        return cast(
            "models.ApplicationOut",
            await self._sender.send(Call("POST", "/applications", body=body, key=key, is_once=True)),
        )

    def list_applications(
        self,
        *,
        state: Literal["draft", "submitted", "approved", "declined"] | None = None,
        limit: int | None = None,
        sort: Literal["made", "-made"] | None = None,
    ) -> AsyncIterator[models.ApplicationOut]:
        """Return applications, the latest first."""
        return cast(
            "AsyncIterator[models.ApplicationOut]",
            self._sender.pages(Call("GET", "/applications", query={"state": state, "limit": limit, "sort": sort})),
        )

    async def get_application(self, application_id: str) -> models.ApplicationOut:
        """Return an application with its documents."""
        return cast(
            "models.ApplicationOut",
            await self._sender.send(
                Call("GET", "/applications/{application_id}", in_path={"application_id": application_id})
            ),
        )

    async def change(
        self, application_id: str, body: models.FieldsIn, *, key: str | None = None
    ) -> models.ApplicationOut:
        """Write another version of a draft."""
        return cast(
            "models.ApplicationOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/applications/{application_id}/fields",
                    in_path={"application_id": application_id},
                    body=body,
                    key=key,
                    is_once=True,
                )
            ),
        )

    async def add_document(
        self,
        application_id: str,
        body: bytes,
        *,
        kind: Literal["identity", "register", "address", "ownership", "other"],
        name: str,
        key: str | None = None,
    ) -> models.KycDocumentOut:
        """Add a document to a draft: the body is the file, byte for byte."""
        return cast(
            "models.KycDocumentOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/applications/{application_id}/documents",
                    in_path={"application_id": application_id},
                    query={"kind": kind, "name": name},
                    content=body,
                    key=key,
                    is_once=True,
                )
            ),
        )

    async def download_document(self, application_id: str, document_id: str) -> bytes:
        """Return a document, byte for byte; the log says who has looked."""
        return cast(
            "bytes",
            await self._sender.send(
                Call(
                    "GET",
                    "/applications/{application_id}/documents/{document_id}",
                    in_path={"application_id": application_id, "document_id": document_id},
                    is_raw=True,
                )
            ),
        )

    async def submit(self, application_id: str, *, key: str | None = None) -> models.ApplicationOut:
        """Put an application before another person."""
        return cast(
            "models.ApplicationOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/applications/{application_id}/submit",
                    in_path={"application_id": application_id},
                    key=key,
                    is_once=True,
                )
            ),
        )

    async def approve(
        self, application_id: str, body: models.ApprovalIn, *, key: str | None = None
    ) -> models.ApplicationOut:
        """Make the customer, as another person than those who wrote the application."""
        return cast(
            "models.ApplicationOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/applications/{application_id}/approve",
                    in_path={"application_id": application_id},
                    body=body,
                    key=key,
                    is_once=True,
                )
            ),
        )

    async def decline(
        self, application_id: str, body: models.DeclineApplicationIn, *, key: str | None = None
    ) -> models.ApplicationOut:
        """Say no to an application, with a reason."""
        return cast(
            "models.ApplicationOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/applications/{application_id}/decline",
                    in_path={"application_id": application_id},
                    body=body,
                    key=key,
                    is_once=True,
                )
            ),
        )

    async def export_data(self, customer_id: str) -> bytes:
        """Return everything that is held about a customer, as a ZIP of JSON and files; a customer gets its own."""
        return cast(
            "bytes",
            await self._sender.send(
                Call("GET", "/customers/{customer_id}/data", in_path={"customer_id": customer_id}, is_raw=True)
            ),
        )

    async def close(self, customer_id: str, *, key: str | None = None) -> models.ClosedOut:
        """Part from a customer without money and running trades: nobody acts for it any more."""
        return cast(
            "models.ClosedOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/customers/{customer_id}/close",
                    in_path={"customer_id": customer_id},
                    key=key,
                    is_once=True,
                )
            ),
        )

    async def erase(self, customer_id: str, *, key: str | None = None) -> models.ClosedOut:
        """Forget a customer that need not be kept any longer; what is on the chain stays."""
        return cast(
            "models.ClosedOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/customers/{customer_id}/erase",
                    in_path={"customer_id": customer_id},
                    key=key,
                    is_once=True,
                )
            ),
        )


class Events:
    """Resources `events`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_events(
        self, *, kind: str | None = None, limit: int | None = None, sort: Literal["id", "-id"] | None = None
    ) -> AsyncIterator[models.Event]:
        """Return what happened, oldest first."""
        return cast(
            "AsyncIterator[models.Event]",
            self._sender.pages(Call("GET", "/events", query={"kind": kind, "limit": limit, "sort": sort})),
        )


class Freezes:
    """Resources `freezes`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def order(self, body: models.FreezeIn, *, key: str | None = None) -> models.FreezeOut:
        """Freeze an account: the currency's central bank alone."""
        return cast(
            "models.FreezeOut", await self._sender.send(Call("POST", "/freezes", body=body, key=key, is_once=True))
        )

    def list_orders(
        self,
        *,
        currency: str | None = None,
        state: Literal["queued", "in force", "lifting", "lifted", "failed"] | None = None,
        limit: int | None = None,
        sort: Literal["number", "-number"] | None = None,
    ) -> AsyncIterator[models.FreezeOut]:
        """Return the orders in the caller's currencies and on its own accounts, the latest of each currency first."""
        return cast(
            "AsyncIterator[models.FreezeOut]",
            self._sender.pages(
                Call("GET", "/freezes", query={"currency": currency, "state": state, "limit": limit, "sort": sort})
            ),
        )

    async def lift(self, currency: str, number: int, *, key: str | None = None) -> models.FreezeOut:
        """End an order before it expires: the currency's central bank alone."""
        return cast(
            "models.FreezeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/freezes/{currency}/{number}/lift",
                    in_path={"currency": currency, "number": number},
                    key=key,
                    is_once=True,
                )
            ),
        )


class Issuance:
    """Resources `issuance`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def request(self, body: models.IssuanceIn, *, key: str | None = None) -> models.IssuanceOut:
        """Ask for money: a bank or FX provider alone."""
        return cast(
            "models.IssuanceOut",
            await self._sender.send(Call("POST", "/issuance-requests", body=body, key=key, is_once=True)),
        )

    def list_requests(
        self,
        *,
        state: Literal["queued", "open", "answering", "issued", "declined", "failed"] | None = None,
        limit: int | None = None,
        sort: Literal["ordered", "-ordered", "id", "-id"] | None = None,
    ) -> AsyncIterator[models.IssuanceOut]:
        """Return the caller's own requests, or those for the currencies it issues; the latest first."""
        return cast(
            "AsyncIterator[models.IssuanceOut]",
            self._sender.pages(Call("GET", "/issuance-requests", query={"state": state, "limit": limit, "sort": sort})),
        )

    async def get_request(self, request_id: str) -> models.IssuanceOut:
        """Return a request with what became of it."""
        return cast(
            "models.IssuanceOut",
            await self._sender.send(Call("GET", "/issuance-requests/{request_id}", in_path={"request_id": request_id})),
        )

    async def approve(self, request_id: str, *, key: str | None = None) -> models.IssuanceOut:
        """Issue what an open request asks for: the currency's central bank alone."""
        return cast(
            "models.IssuanceOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/issuance-requests/{request_id}/approve",
                    in_path={"request_id": request_id},
                    key=key,
                    is_once=True,
                )
            ),
        )

    async def decline(self, request_id: str, *, key: str | None = None) -> models.IssuanceOut:
        """Say no to an open request: the currency's central bank alone."""
        return cast(
            "models.IssuanceOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/issuance-requests/{request_id}/decline",
                    in_path={"request_id": request_id},
                    key=key,
                    is_once=True,
                )
            ),
        )


class Ledger:
    """Resources `ledger`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_balances(
        self,
        *,
        owner: str | None = None,
        currency: str | None = None,
        limit: int | None = None,
        sort: Literal["owner", "-owner"] | None = None,
    ) -> AsyncIterator[models.BalanceOut]:
        """Return balances: of every owner for staff, of itself for a customer."""
        return cast(
            "AsyncIterator[models.BalanceOut]",
            self._sender.pages(
                Call("GET", "/balances", query={"owner": owner, "currency": currency, "limit": limit, "sort": sort})
            ),
        )

    def get_statement(
        self,
        currency: str,
        *,
        owner: str | None = None,
        limit: int | None = None,
        sort: Literal["entry", "-entry"] | None = None,
    ) -> AsyncIterator[models.StatementLineOut]:
        """Return what changed an owner's money (the caller's own unless stated), oldest first unless asked otherwise."""
        return cast(
            "AsyncIterator[models.StatementLineOut]",
            self._sender.pages(
                Call(
                    "GET",
                    "/statements/{currency}",
                    in_path={"currency": currency},
                    query={"owner": owner, "limit": limit, "sort": sort},
                )
            ),
        )

    def list_entries(
        self, *, currency: str | None = None, limit: int | None = None, sort: Literal["id", "-id"] | None = None
    ) -> AsyncIterator[models.EntryOut]:
        """Return the journal's entries, oldest first."""
        return cast(
            "AsyncIterator[models.EntryOut]",
            self._sender.pages(Call("GET", "/journal", query={"currency": currency, "limit": limit, "sort": sort})),
        )

    def get_trial_balance(
        self, *, limit: int | None = None, sort: Literal["account", "-account"] | None = None
    ) -> AsyncIterator[models.AccountTotalOut]:
        """Return every account with its balance on its side; debits equal credits per currency."""
        return cast(
            "AsyncIterator[models.AccountTotalOut]",
            self._sender.pages(Call("GET", "/trial-balance", query={"limit": limit, "sort": sort})),
        )

    async def reconcile(self) -> models.ReconciliationOut:
        """Compare books and chain, amount by amount, at the block the books are written up to."""
        return cast("models.ReconciliationOut", await self._sender.send(Call("GET", "/reconciliation")))


class Liquidity:
    """Resources `liquidity`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_liquidity(
        self, *, limit: int | None = None, sort: Literal["currency", "-currency"] | None = None
    ) -> AsyncIterator[models.LiquidityOut]:
        """Return what the institution itself has now, in each currency."""
        return cast(
            "AsyncIterator[models.LiquidityOut]",
            self._sender.pages(Call("GET", "/liquidity", query={"limit": limit, "sort": sort})),
        )

    async def draw_liquidity(self, *, language: Literal["en", "nl", "sw"] | None = None) -> bytes:
        """Return what the institution itself has now as a chart (SVG): the shares that are available, held and frozen."""
        return cast(
            "bytes", await self._sender.send(Call("GET", "/liquidity/chart", query={"language": language}, is_raw=True))
        )

    def list_liquidity_days(
        self, currency: str, *, limit: int | None = None, sort: Literal["day", "-day"] | None = None
    ) -> AsyncIterator[models.LiquidityDayOut]:
        """Return what it had at the end of each of the last thirty business days."""
        return cast(
            "AsyncIterator[models.LiquidityDayOut]",
            self._sender.pages(
                Call(
                    "GET", "/liquidity/{currency}", in_path={"currency": currency}, query={"limit": limit, "sort": sort}
                )
            ),
        )

    async def draw_liquidity_days(self, currency: str, *, language: Literal["en", "nl", "sw"] | None = None) -> bytes:
        """Return what it had at the end of each of the last thirty business days as a chart (SVG)."""
        return cast(
            "bytes",
            await self._sender.send(
                Call(
                    "GET",
                    "/liquidity/{currency}/chart",
                    in_path={"currency": currency},
                    query={"language": language},
                    is_raw=True,
                )
            ),
        )


class Messages:
    """Resources `messages`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def send_document(
        self, body: bytes, *, to: str, thread: str | None = None, key: str | None = None
    ) -> models.QueuedOut:
        """Send an ISO 20022 document; the same document to the same institution goes once, however often it is posted."""
        return cast(
            "models.QueuedOut",
            await self._sender.send(
                Call("POST", "/messages", query={"to": to, "thread": thread}, content=body, key=key, is_once=True)
            ),
        )

    def list_messages(
        self,
        *,
        uetr: str | None = None,
        thread: str | None = None,
        direction: Literal["sent", "received"] | None = None,
        kind: str | None = None,
        state: str | None = None,
        peer: str | None = None,
        limit: int | None = None,
        sort: Literal["time", "-time"] | None = None,
    ) -> AsyncIterator[models.MessageOut]:
        """Return where messages are: of a payment by its UETR, of a trade by its thread; the latest first."""
        return cast(
            "AsyncIterator[models.MessageOut]",
            self._sender.pages(
                Call(
                    "GET",
                    "/messages",
                    query={
                        "uetr": uetr,
                        "thread": thread,
                        "direction": direction,
                        "kind": kind,
                        "state": state,
                        "peer": peer,
                        "limit": limit,
                        "sort": sort,
                    },
                )
            ),
        )

    async def get_message(self, message_id: str) -> list[models.MessageDetailOut]:
        """Return a message with what was said and signed; several where senders have chosen the same id."""
        return cast(
            "list[models.MessageDetailOut]",
            await self._sender.send(Call("GET", "/messages/{message_id}", in_path={"message_id": message_id})),
        )

    def list_repairs(
        self,
        *,
        direction: Literal["sent", "received"] | None = None,
        limit: int | None = None,
        sort: Literal["time", "-time"] | None = None,
    ) -> AsyncIterator[models.MessageOut]:
        """Return messages that were refused or given up and that nobody has decided about, the oldest first."""
        return cast(
            "AsyncIterator[models.MessageOut]",
            self._sender.pages(Call("GET", "/repairs", query={"direction": direction, "limit": limit, "sort": sort})),
        )

    async def resend(self, body: models.RepairIn, *, key: str | None = None) -> models.MessageOut:
        """Send a message again as it is, or have a received one handled again."""
        return cast(
            "models.MessageOut",
            await self._sender.send(Call("POST", "/repairs/resend", body=body, key=key, is_once=True)),
        )

    async def correct(self, body: models.CorrectIn, *, key: str | None = None) -> models.MessageOut:
        """Send another document in the place of one that was refused or given up; answers with the new message."""
        return cast(
            "models.MessageOut",
            await self._sender.send(Call("POST", "/repairs/correct", body=body, key=key, is_once=True)),
        )

    async def reject(self, body: models.RejectIn, *, key: str | None = None) -> models.MessageOut:
        """Let a message be, with a reason; the sender of a transfer is told by a pacs.002."""
        return cast(
            "models.MessageOut",
            await self._sender.send(Call("POST", "/repairs/reject", body=body, key=key, is_once=True)),
        )


class Notices:
    """Resources `notices`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_notices(
        self, *, unread: bool | None = None, limit: int | None = None, sort: Literal["number", "-number"] | None = None
    ) -> AsyncIterator[models.NoticeOut]:
        """Return what the caller is told, the latest first; an institution's staff sees what it shares, too."""
        return cast(
            "AsyncIterator[models.NoticeOut]",
            self._sender.pages(Call("GET", "/notices", query={"unread": unread, "limit": limit, "sort": sort})),
        )

    async def read_notice(self, number: int, *, key: str | None = None) -> models.NoticeOut:
        """Mark a notice as read."""
        return cast(
            "models.NoticeOut",
            await self._sender.send(
                Call("POST", "/notices/{number}/read", in_path={"number": number}, key=key, is_once=True)
            ),
        )

    async def read_notices(self, body: models.ReadIn, *, key: str | None = None) -> models.ReadOut:
        """Mark every notice up to a number as read that the caller may."""
        return cast(
            "models.ReadOut", await self._sender.send(Call("POST", "/notices/read", body=body, key=key, is_once=True))
        )

    async def get_preference(self, scope: Literal["me", "institution"]) -> models.PreferenceOut:
        """Return what is to be told, and how; nothing where nobody has said."""
        return cast(
            "models.PreferenceOut",
            await self._sender.send(Call("GET", "/notice-preferences/{scope}", in_path={"scope": scope})),
        )

    async def set_preference(
        self, scope: Literal["me", "institution"], body: models.PreferenceIn, *, if_match: str | None = None
    ) -> models.PreferenceOut:
        """Say what is to be told from now on, and how; a new e-mail address gets a code that has to come back."""
        return cast(
            "models.PreferenceOut",
            await self._sender.send(
                Call("PUT", "/notice-preferences/{scope}", in_path={"scope": scope}, body=body, if_match=if_match)
            ),
        )

    async def confirm_address(
        self, scope: Literal["me", "institution"], body: models.CodeIn, *, key: str | None = None
    ) -> models.PreferenceOut:
        """Give back the code that was sent to the address."""
        return cast(
            "models.PreferenceOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/notice-preferences/{scope}/confirm",
                    in_path={"scope": scope},
                    body=body,
                    key=key,
                    is_once=True,
                )
            ),
        )


class Oauth:
    """Resources `oauth`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_clients(
        self, *, limit: int | None = None, sort: Literal["id", "-id", "created", "-created"] | None = None
    ) -> AsyncIterator[models.ClientOut]:
        """Return the programs that are registered."""
        return cast(
            "AsyncIterator[models.ClientOut]",
            self._sender.pages(Call("GET", "/oauth/clients", query={"limit": limit, "sort": sort})),
        )

    async def add_client(self, body: models.ClientIn, *, key: str | None = None) -> models.ClientOut:
        """Register a program; one without keys gets its secret by a request of its own."""
        return cast(
            "models.ClientOut",
            await self._sender.send(Call("POST", "/oauth/clients", body=body, key=key, is_once=True)),
        )

    async def get_client(self, client_id: str) -> models.ClientOut:
        """Return a program."""
        return cast(
            "models.ClientOut",
            await self._sender.send(Call("GET", "/oauth/clients/{client_id}", in_path={"client_id": client_id})),
        )

    async def new_secret(self, client_id: str) -> models.SecretOut:
        """Return a new secret; the one before ends, and so do the client's tokens. It is not shown again."""
        return cast(
            "models.SecretOut",
            await self._sender.send(
                Call("POST", "/oauth/clients/{client_id}/secret", in_path={"client_id": client_id})
            ),
        )

    async def set_keys(self, client_id: str, body: models.KeysIn, *, key: str | None = None) -> models.ClientOut:
        """Give a program other keys."""
        return cast(
            "models.ClientOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/oauth/clients/{client_id}/keys",
                    in_path={"client_id": client_id},
                    body=body,
                    key=key,
                    is_once=True,
                )
            ),
        )

    async def disable(self, client_id: str, *, key: str | None = None) -> models.ClientOut:
        """End a program and its tokens, at once and for good."""
        return cast(
            "models.ClientOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/oauth/clients/{client_id}/disable",
                    in_path={"client_id": client_id},
                    key=key,
                    is_once=True,
                )
            ),
        )


class OwnAccount:
    """Resources `own_account`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def get_me(self) -> models.MeOut:
        """Return who the caller is and what they may do."""
        return cast("models.MeOut", await self._sender.send(Call("GET", "/me")))

    async def get_own_data(self) -> dict[str, Any]:
        """Return everything that is held about the caller."""
        return cast("dict[str, Any]", await self._sender.send(Call("GET", "/me/data")))

    async def sign_out(self) -> None:
        """End this session."""
        await self._sender.send(Call("POST", "/me/sign-out"))

    def list_sessions(
        self, *, limit: int | None = None, sort: Literal["made", "-made"] | None = None
    ) -> AsyncIterator[models.SessionOut]:
        """Return the caller's sessions, the oldest first."""
        return cast(
            "AsyncIterator[models.SessionOut]",
            self._sender.pages(Call("GET", "/me/sessions", query={"limit": limit, "sort": sort})),
        )

    async def end_session(self, session_id: str, *, key: str | None = None) -> list[models.SessionOut]:
        """End one of the caller's sessions; return those that go on."""
        return cast(
            "list[models.SessionOut]",
            await self._sender.send(
                Call("POST", "/me/sessions/{session_id}/end", in_path={"session_id": session_id}, key=key, is_once=True)
            ),
        )

    async def change_password(self, body: models.PasswordIn) -> None:
        """Take another password; the caller's other sessions end."""
        await self._sender.send(Call("POST", "/me/password", body=body))

    def list_passkeys(
        self, *, limit: int | None = None, sort: Literal["created", "-created"] | None = None
    ) -> AsyncIterator[models.PasskeyOut]:
        """Return the caller's passkeys."""
        return cast(
            "AsyncIterator[models.PasskeyOut]",
            self._sender.pages(Call("GET", "/me/passkeys", query={"limit": limit, "sort": sort})),
        )

    async def add_passkey(self, body: models.NewPasskeyIn, *, key: str | None = None) -> models.PasskeyOut:
        """Keep another passkey."""
        return cast(
            "models.PasskeyOut", await self._sender.send(Call("POST", "/me/passkeys", body=body, key=key, is_once=True))
        )

    async def ask_new_passkey(self) -> models.AskedOut:
        """Return what to ask the browser for, to make another passkey."""
        return cast("models.AskedOut", await self._sender.send(Call("POST", "/me/passkeys/options")))

    async def remove_passkey(self, passkey_id: str, *, key: str | None = None) -> list[models.PasskeyOut]:
        """Take a passkey off the account, unless it is the only way in; return those that stay."""
        return cast(
            "list[models.PasskeyOut]",
            await self._sender.send(
                Call(
                    "POST",
                    "/me/passkeys/{passkey_id}/remove",
                    in_path={"passkey_id": passkey_id},
                    key=key,
                    is_once=True,
                )
            ),
        )


class Participants:
    """Resources `participants`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_institutions(
        self,
        *,
        role: str | None = None,
        status: str | None = None,
        limit: int | None = None,
        sort: Literal["id", "-id"] | None = None,
    ) -> AsyncIterator[models.InstitutionOut]:
        """Return the institutions of the network, with their endpoints, keys and status."""
        return cast(
            "AsyncIterator[models.InstitutionOut]",
            self._sender.pages(
                Call("GET", "/institutions", query={"role": role, "status": status, "limit": limit, "sort": sort})
            ),
        )

    async def get_institution(self, institution_id: str) -> models.InstitutionOut:
        """Return one institution, by id or LEI."""
        return cast(
            "models.InstitutionOut",
            await self._sender.send(
                Call("GET", "/institutions/{institution_id}", in_path={"institution_id": institution_id})
            ),
        )

    async def download_document(self, institution_id: str) -> bytes:
        """Return an institution's signed document, byte for byte."""
        return cast(
            "bytes",
            await self._sender.send(
                Call(
                    "GET",
                    "/institutions/{institution_id}/document",
                    in_path={"institution_id": institution_id},
                    is_raw=True,
                )
            ),
        )

    async def take_paper(
        self, body: bytes, *, accept_key: str | None = None, key: str | None = None
    ) -> models.TakenOut:
        """Take an institution's document, rotation notice or revocation; what is refused is also told in the notices."""
        return cast(
            "models.TakenOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/institutions/papers",
                    query={"accept_key": accept_key},
                    content=body,
                    key=key,
                    is_once=True,
                )
            ),
        )

    async def anchor_key(
        self, institution_id: str, body: models.AnchorIn, *, key: str | None = None
    ) -> models.AnchorOut:
        """As the network's governor, put an institution's next key on the chain; the chain refuses anyone else."""
        return cast(
            "models.AnchorOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/institutions/{institution_id}/anchor",
                    in_path={"institution_id": institution_id},
                    body=body,
                    key=key,
                    is_once=True,
                )
            ),
        )

    async def publish_document(self, *, key: str | None = None) -> dict[str, Any]:
        """Send the institution's document to every other one, signed anew where keys or endpoints have changed."""
        return cast(
            "dict[str, Any]", await self._sender.send(Call("POST", "/own-keys/documents", key=key, is_once=True))
        )

    async def rotate_key(self, body: models.RotationIn, *, key: str | None = None) -> dict[str, Any]:
        """Make the next message key and send its notice to every institution; it signs once it is anchored."""
        return cast(
            "dict[str, Any]",
            await self._sender.send(Call("POST", "/own-keys/rotations", body=body, key=key, is_once=True)),
        )

    async def revoke_key(self, body: models.RevocationIn, *, key: str | None = None) -> dict[str, Any]:
        """Take back one of the institution's message keys and tell every institution."""
        return cast(
            "dict[str, Any]",
            await self._sender.send(Call("POST", "/own-keys/revocations", body=body, key=key, is_once=True)),
        )

    def list_customers(
        self, *, limit: int | None = None, sort: Literal["id", "-id", "created", "-created"] | None = None
    ) -> AsyncIterator[models.CustomerOut]:
        """Return the institution's customers; a customer sees itself."""
        return cast(
            "AsyncIterator[models.CustomerOut]",
            self._sender.pages(Call("GET", "/customers", query={"limit": limit, "sort": sort})),
        )

    async def add_customer(self, body: models.CustomerIn, *, key: str | None = None) -> models.CustomerOut:
        """Make a customer with a key that the institution keeps."""
        return cast(
            "models.CustomerOut", await self._sender.send(Call("POST", "/customers", body=body, key=key, is_once=True))
        )

    async def get_customer(self, customer_id: str) -> models.CustomerOut:
        """Return one customer."""
        return cast(
            "models.CustomerOut",
            await self._sender.send(Call("GET", "/customers/{customer_id}", in_path={"customer_id": customer_id})),
        )


class PaymentRequests:
    """Resources `payment_requests`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def request_payment(
        self, body: models.PaymentRequestIn, *, key: str | None = None
    ) -> models.PaymentRequestOut:
        """Ask to be paid: a code for one payment, signed by the bank, that expires."""
        return cast(
            "models.PaymentRequestOut",
            await self._sender.send(Call("POST", "/payment-requests", body=body, key=key, is_once=True)),
        )

    def list_payment_requests(
        self, *, owner: str | None = None, limit: int | None = None, sort: Literal["created", "-created"] | None = None
    ) -> AsyncIterator[models.PaymentRequestOut]:
        """Return the requests that were made here, the latest first: a customer's own, or all of the institution's."""
        return cast(
            "AsyncIterator[models.PaymentRequestOut]",
            self._sender.pages(Call("GET", "/payment-requests", query={"owner": owner, "limit": limit, "sort": sort})),
        )

    async def get_payment_request(self, request_id: str) -> models.PaymentRequestOut:
        """Return a request that was made here, and whether it was paid."""
        return cast(
            "models.PaymentRequestOut",
            await self._sender.send(Call("GET", "/payment-requests/{request_id}", in_path={"request_id": request_id})),
        )

    async def download_code(
        self,
        request_id: str,
        *,
        format_: Literal["svg", "png"] | None = None,
        language: Literal["en", "nl", "sw"] | None = None,
    ) -> bytes:
        """Return the code of a request as a picture, to be shown or printed."""
        return cast(
            "bytes",
            await self._sender.send(
                Call(
                    "GET",
                    "/payment-requests/{request_id}/code",
                    in_path={"request_id": request_id},
                    query={"format": format_, "language": language},
                    is_raw=True,
                )
            ),
        )

    async def read_payment_request(self, body: models.PayloadIn) -> models.ReadRequestOut:
        """Read a code of any bank of the network: who asks for how much, checked by signature and time. Changes nothing."""
        return cast("models.ReadRequestOut", await self._sender.send(Call("POST", "/payment-requests/read", body=body)))

    async def pay_payment_request(self, body: models.PayRequestIn, *, key: str | None = None) -> models.PaymentOut:
        """Pay what a code asks for, once; the amount has to be the one that the payer has read."""
        return cast(
            "models.PaymentOut",
            await self._sender.send(Call("POST", "/payment-requests/pay", body=body, key=key, is_once=True)),
        )


class Payments:
    """Resources `payments`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def pay(self, body: models.PaymentIn, *, key: str | None = None) -> models.PaymentOut:
        """Pay with money that is available."""
        return cast(
            "models.PaymentOut", await self._sender.send(Call("POST", "/payments", body=body, key=key, is_once=True))
        )

    def list_payments(
        self,
        *,
        owner: str | None = None,
        currency: str | None = None,
        state: Literal["queued", "settled", "failed"] | None = None,
        limit: int | None = None,
        sort: Literal["ordered", "-ordered"] | None = None,
    ) -> AsyncIterator[models.PaymentOut]:
        """Return payments that were ordered here, the latest first: a customer's own, or all of the institution's."""
        return cast(
            "AsyncIterator[models.PaymentOut]",
            self._sender.pages(
                Call(
                    "GET",
                    "/payments",
                    query={"owner": owner, "currency": currency, "state": state, "limit": limit, "sort": sort},
                )
            ),
        )

    async def get_payment(self, payment_id: str) -> models.PaymentOut:
        """Return a payment with what became of it."""
        return cast(
            "models.PaymentOut",
            await self._sender.send(Call("GET", "/payments/{payment_id}", in_path={"payment_id": payment_id})),
        )


class People:
    """Resources `people`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_people(
        self,
        *,
        customer: str | None = None,
        limit: int | None = None,
        sort: Literal["id", "-id", "created", "-created"] | None = None,
    ) -> AsyncIterator[models.PersonOut]:
        """Return the institution's people and those of its customers."""
        return cast(
            "AsyncIterator[models.PersonOut]",
            self._sender.pages(Call("GET", "/people", query={"customer": customer, "limit": limit, "sort": sort})),
        )

    async def add_person(self, body: models.PersonIn, *, key: str | None = None) -> models.PersonOut:
        """Make an account that waits for its one-time link."""
        return cast(
            "models.PersonOut", await self._sender.send(Call("POST", "/people", body=body, key=key, is_once=True))
        )

    async def get_person(self, person_id: str) -> models.PersonOut:
        """Return a person."""
        return cast(
            "models.PersonOut",
            await self._sender.send(Call("GET", "/people/{person_id}", in_path={"person_id": person_id})),
        )

    async def invite(self, person_id: str) -> models.LinkOut:
        """Return a one-time link for somebody who has not come in yet; earlier ones end. It is not shown again."""
        return cast(
            "models.LinkOut",
            await self._sender.send(Call("POST", "/people/{person_id}/invitation", in_path={"person_id": person_id})),
        )

    async def set_roles(self, person_id: str, body: models.RolesIn, *, key: str | None = None) -> models.PersonOut:
        """Give somebody else other roles."""
        return cast(
            "models.PersonOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/people/{person_id}/roles",
                    in_path={"person_id": person_id},
                    body=body,
                    key=key,
                    is_once=True,
                )
            ),
        )

    async def disable(self, person_id: str, *, key: str | None = None) -> models.PersonOut:
        """Lock somebody else out, at once: locking out takes one person, letting in again takes two."""
        return cast(
            "models.PersonOut",
            await self._sender.send(
                Call("POST", "/people/{person_id}/disable", in_path={"person_id": person_id}, key=key, is_once=True)
            ),
        )

    async def reset(self, person_id: str, *, key: str | None = None) -> models.PersonOut:
        """Take away how somebody else signs in; a new link lets them begin again, also who was disabled."""
        return cast(
            "models.PersonOut",
            await self._sender.send(
                Call("POST", "/people/{person_id}/reset", in_path={"person_id": person_id}, key=key, is_once=True)
            ),
        )

    async def export_data(self, person_id: str) -> dict[str, Any]:
        """Return everything that is held about a person, on their request."""
        return cast(
            "dict[str, Any]",
            await self._sender.send(Call("GET", "/people/{person_id}/data", in_path={"person_id": person_id})),
        )

    async def erase(self, person_id: str, *, key: str | None = None) -> models.PersonOut:
        """Forget somebody else: name, e-mail and how they signed in; the id stays where the log and consents name it."""
        return cast(
            "models.PersonOut",
            await self._sender.send(
                Call("POST", "/people/{person_id}/erase", in_path={"person_id": person_id}, key=key, is_once=True)
            ),
        )


class Quotes:
    """Resources `quotes`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_issued(
        self, *, state: str | None = None, limit: int | None = None, sort: Literal["expires", "-expires"] | None = None
    ) -> AsyncIterator[models.IssuedQuoteOut]:
        """Return the firm quotes of this desk, the newest first."""
        return cast(
            "AsyncIterator[models.IssuedQuoteOut]",
            self._sender.pages(Call("GET", "/quotes/issued", query={"state": state, "limit": limit, "sort": sort})),
        )

    def list_faults(
        self,
        *,
        provider: str | None = None,
        limit: int | None = None,
        sort: Literal["recorded", "-recorded"] | None = None,
    ) -> AsyncIterator[models.FaultOut]:
        """Return quotes, of any provider, that the chain recorded as signed without their reserve; the newest first."""
        return cast(
            "AsyncIterator[models.FaultOut]",
            self._sender.pages(
                Call("GET", "/quotes/faults", query={"provider": provider, "limit": limit, "sort": sort})
            ),
        )

    def list_exposures(
        self,
        *,
        currency: str | None = None,
        limit: int | None = None,
        sort: Literal["provider", "-provider"] | None = None,
    ) -> AsyncIterator[models.ExposureOut]:
        """Return what is open with each FX provider in each currency, where there is anything or a limit."""
        return cast(
            "AsyncIterator[models.ExposureOut]",
            self._sender.pages(Call("GET", "/exposures", query={"currency": currency, "limit": limit, "sort": sort})),
        )

    async def get_exposure(self, provider: str, currency: str) -> models.ExposureOut:
        """Return what is open with an FX provider in one currency."""
        return cast(
            "models.ExposureOut",
            await self._sender.send(
                Call("GET", "/exposures/{provider}/{currency}", in_path={"provider": provider, "currency": currency})
            ),
        )

    async def set_exposure_limit(
        self,
        provider: str,
        currency: str,
        body: models.ExposureLimitIn,
        *,
        key: str | None = None,
        if_match: str | None = None,
    ) -> models.ExposureOut:
        """Let an FX provider owe at most so much: quotes that would exceed it are shown with why, and not taken."""
        return cast(
            "models.ExposureOut",
            await self._sender.send(
                Call(
                    "PUT",
                    "/exposures/{provider}/{currency}",
                    in_path={"provider": provider, "currency": currency},
                    body=body,
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )


class Rates:
    """Resources `rates`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_rates(
        self, *, base: str | None = None, limit: int | None = None, sort: Literal["pair", "-pair"] | None = None
    ) -> AsyncIterator[models.RateOut]:
        """Return the mid rates at ledger time of the pairs that the oracle settles by."""
        return cast(
            "AsyncIterator[models.RateOut]",
            self._sender.pages(Call("GET", "/rates", query={"base": base, "limit": limit, "sort": sort})),
        )

    async def get_rate(self, base: str, quote: str) -> models.RateOut:
        """Return the mid rate at ledger time."""
        return cast(
            "models.RateOut",
            await self._sender.send(Call("GET", "/rates/{base}/{quote}", in_path={"base": base, "quote": quote})),
        )

    def list_rounds(
        self, *, pair: str | None = None, limit: int | None = None, sort: Literal["round", "-round"] | None = None
    ) -> AsyncIterator[models.RoundOut]:
        """Return the rounds this institution reported on or saw recorded, the newest first."""
        return cast(
            "AsyncIterator[models.RoundOut]",
            self._sender.pages(Call("GET", "/oracle/rounds", query={"pair": pair, "limit": limit, "sort": sort})),
        )

    async def get_pair(self, base: str, quote: str) -> models.PairOut:
        """Return a pair's median as it settles now, or why none does, and whether this institution reports it."""
        return cast(
            "models.PairOut",
            await self._sender.send(Call("GET", "/oracle/{base}/{quote}", in_path={"base": base, "quote": quote})),
        )

    async def pause_pair(self, base: str, quote: str, *, key: str | None = None) -> models.PairOut:
        """Report a pair no more: its source is in doubt, or a devnet plays a dead oracle."""
        return cast(
            "models.PairOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/oracle/{base}/{quote}/pause",
                    in_path={"base": base, "quote": quote},
                    key=key,
                    is_once=True,
                )
            ),
        )

    async def resume_pair(self, base: str, quote: str, *, key: str | None = None) -> models.PairOut:
        """Report a pair again, from the next block on."""
        return cast(
            "models.PairOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/oracle/{base}/{quote}/resume",
                    in_path={"base": base, "quote": quote},
                    key=key,
                    is_once=True,
                )
            ),
        )


class Reports:
    """Resources `reports`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_cut_offs(
        self, *, limit: int | None = None, sort: Literal["currency", "-currency"] | None = None
    ) -> AsyncIterator[models.CutOffOut]:
        """Return every currency's cut-off; midnight UTC where none was set."""
        return cast(
            "AsyncIterator[models.CutOffOut]",
            self._sender.pages(Call("GET", "/cut-offs", query={"limit": limit, "sort": sort})),
        )

    async def get_cut_off(self, currency: str) -> models.CutOffOut:
        """Return a currency's cut-off."""
        return cast(
            "models.CutOffOut",
            await self._sender.send(Call("GET", "/cut-offs/{currency}", in_path={"currency": currency})),
        )

    async def set_cut_off(
        self, currency: str, body: models.CutOffIn, *, if_match: str | None = None
    ) -> models.CutOffOut:
        """Let a currency's business days end at a local time from now on."""
        return cast(
            "models.CutOffOut",
            await self._sender.send(
                Call("PUT", "/cut-offs/{currency}", in_path={"currency": currency}, body=body, if_match=if_match)
            ),
        )

    async def download_statement(
        self,
        currency: str,
        day: str,
        *,
        owner: str | None = None,
        format_: Literal["camt.053", "mt940", "csv", "pdf"] | None = None,
        language: Literal["en", "nl", "sw"] | None = None,
    ) -> bytes:
        """Return an account's statement of a business day: camt.053, MT940, a table, or on paper in a language."""
        return cast(
            "bytes",
            await self._sender.send(
                Call(
                    "GET",
                    "/statements/{currency}/days/{day}",
                    in_path={"currency": currency, "day": day},
                    query={"owner": owner, "format": format_, "language": language},
                    is_raw=True,
                )
            ),
        )

    def list_closings(
        self, *, limit: int | None = None, sort: Literal["currency", "-currency"] | None = None
    ) -> AsyncIterator[models.ClosingOut]:
        """Return each currency's report of the last business day that is over."""
        return cast(
            "AsyncIterator[models.ClosingOut]",
            self._sender.pages(Call("GET", "/end-of-day", query={"limit": limit, "sort": sort})),
        )

    async def get_closing(self, currency: str, day: str) -> models.ClosingOut:
        """Return the report of a business day that is over; of the last one with books held against the chain."""
        return cast(
            "models.ClosingOut",
            await self._sender.send(
                Call("GET", "/end-of-day/{currency}/{day}", in_path={"currency": currency, "day": day})
            ),
        )

    async def print_closing(
        self, currency: str, day: str, *, language: Literal["en", "nl", "sw"] | None = None
    ) -> bytes:
        """Return the report of a business day that is over on paper (PDF), to be signed and filed."""
        return cast(
            "bytes",
            await self._sender.send(
                Call(
                    "GET",
                    "/end-of-day/{currency}/{day}/paper",
                    in_path={"currency": currency, "day": day},
                    query={"language": language},
                    is_raw=True,
                )
            ),
        )


class Status:
    """Resources `status`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def get_status(self, *, idle_at: int | None = None, wait_s: int | None = None) -> models.Status:
        """Say how far the process follows the chain and how much waits to be done."""
        return cast(
            "models.Status",
            await self._sender.send(Call("GET", "/status", query={"idle_at": idle_at, "wait_s": wait_s})),
        )


class Trades:
    """Resources `trades`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def draft(self, body: models.DraftIn, *, key: str | None = None) -> models.TradeOut:
        """Draft a trade from terms and invoice, and offer it to the other side's bank."""
        return cast(
            "models.TradeOut", await self._sender.send(Call("POST", "/trades", body=body, key=key, is_once=True))
        )

    def list_trades(
        self,
        *,
        state: Literal["negotiating", "agreed", "funding", "funded", "closed", "withdrawn"] | None = None,
        limit: int | None = None,
        sort: Literal["reference", "-reference", "created", "-created"] | None = None,
    ) -> AsyncIterator[models.TradeLineOut]:
        """Return trades by reference: a customer's own, or all of the bank."""
        return cast(
            "AsyncIterator[models.TradeLineOut]",
            self._sender.pages(Call("GET", "/trades", query={"state": state, "limit": limit, "sort": sort})),
        )

    async def get_trade(self, reference: str) -> models.TradeOut:
        """Return a trade: who pays, who gets, what it costs, what is waited for."""
        return cast(
            "models.TradeOut",
            await self._sender.send(Call("GET", "/trades/{reference}", in_path={"reference": reference})),
        )

    async def list_next(self, reference: str) -> list[models.NextOut]:
        """Return what each party may do next, the most urgent first: until when, from when, and what happens otherwise."""
        return cast(
            "list[models.NextOut]",
            await self._sender.send(Call("GET", "/trades/{reference}/next", in_path={"reference": reference})),
        )

    def list_versions(
        self, reference: str, *, limit: int | None = None, sort: Literal["version", "-version"] | None = None
    ) -> AsyncIterator[models.VersionOut]:
        """Return every version of the terms with what it changed."""
        return cast(
            "AsyncIterator[models.VersionOut]",
            self._sender.pages(
                Call(
                    "GET",
                    "/trades/{reference}/versions",
                    in_path={"reference": reference},
                    query={"limit": limit, "sort": sort},
                )
            ),
        )

    def list_history(
        self, reference: str, *, limit: int | None = None, sort: Literal["time", "-time"] | None = None
    ) -> AsyncIterator[models.EventOut]:
        """Return what the chain says happened to a trade, or to the milestones that the caller holds, oldest first."""
        return cast(
            "AsyncIterator[models.EventOut]",
            self._sender.pages(
                Call(
                    "GET",
                    "/trades/{reference}/history",
                    in_path={"reference": reference},
                    query={"limit": limit, "sort": sort},
                )
            ),
        )

    async def counter(
        self, reference: str, body: models.DraftIn, *, key: str | None = None, if_match: str | None = None
    ) -> models.TradeOut:
        """Answer with another version; without an invoice the last one stays."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/counter",
                    in_path={"reference": reference},
                    body=body,
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def sign(
        self, reference: str, body: models.SideIn, *, key: str | None = None, if_match: str | None = None
    ) -> models.TradeOut:
        """Consent to the latest version: the bank signs with the customer's key and keeps who agreed."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/sign",
                    in_path={"reference": reference},
                    body=body,
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def withdraw(self, reference: str, *, key: str | None = None, if_match: str | None = None) -> models.TradeOut:
        """End a negotiation before funding."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/withdraw",
                    in_path={"reference": reference},
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def request_quotes(
        self, reference: str, *, key: str | None = None, if_match: str | None = None
    ) -> models.TradeOut:
        """Ask every FX provider for a firm quote; live quotes of the last request stand."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/quotes",
                    in_path={"reference": reference},
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def list_quotes(self, reference: str) -> models.QuotesOut:
        """Return the live quotes, the cheapest all in first, with their cost in percent of mid."""
        return cast(
            "models.QuotesOut",
            await self._sender.send(Call("GET", "/trades/{reference}/quotes", in_path={"reference": reference})),
        )

    async def accept_quote(
        self, reference: str, body: models.AcceptQuoteIn, *, key: str | None = None, if_match: str | None = None
    ) -> models.CostOut:
        """Take a quote: the cheapest all in, unless its digest names another."""
        return cast(
            "models.CostOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/quotes/accept",
                    in_path={"reference": reference},
                    body=body,
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def fund(self, reference: str, *, key: str | None = None, if_match: str | None = None) -> models.TradeOut:
        """Sign the importer's holds and send the one transaction that starts the trade."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/fund",
                    in_path={"reference": reference},
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def attest_event(
        self, reference: str, body: bytes, *, key: str | None = None, if_match: str | None = None
    ) -> models.AttestedOut:
        """Attest what an EPCIS document shows, as an attester of the trade."""
        return cast(
            "models.AttestedOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/events",
                    in_path={"reference": reference},
                    content=body,
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def attest_statement(
        self, reference: str, body: bytes, *, key: str | None = None, if_match: str | None = None
    ) -> models.AttestedOut:
        """Attest what this institution's own statement says."""
        return cast(
            "models.AttestedOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/statements",
                    in_path={"reference": reference},
                    content=body,
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def download_evidence(self, reference: str) -> bytes:
        """Return the evidence pack of a closed trade: `landfall verify` needs nothing else."""
        return cast(
            "bytes",
            await self._sender.send(
                Call("GET", "/trades/{reference}/evidence", in_path={"reference": reference}, is_raw=True)
            ),
        )

    async def accept(
        self, reference: str, index: int, *, key: str | None = None, if_match: str | None = None
    ) -> models.TradeOut:
        """The importer's word that a milestone is to be paid in full, final at once."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/milestones/{index}/accept",
                    in_path={"reference": reference, "index": index},
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def waive(
        self, reference: str, index: int, body: models.WaiveIn, *, key: str | None = None, if_match: str | None = None
    ) -> models.TradeOut:
        """The exporter's side gives up a part of a milestone, or all of it."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/milestones/{index}/waive",
                    in_path={"reference": reference, "index": index},
                    body=body,
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def dispute(
        self, reference: str, index: int, body: models.DisputeIn, *, key: str | None = None, if_match: str | None = None
    ) -> models.TradeOut:
        """Put a milestone that is due before the arbiter."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/milestones/{index}/dispute",
                    in_path={"reference": reference, "index": index},
                    body=body,
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    def list_disputes(
        self, reference: str, *, limit: int | None = None, sort: Literal["raised", "-raised"] | None = None
    ) -> AsyncIterator[models.DisputeOut]:
        """Return the disputes of a trade with their reasons and awards, the oldest first."""
        return cast(
            "AsyncIterator[models.DisputeOut]",
            self._sender.pages(
                Call(
                    "GET",
                    "/trades/{reference}/disputes",
                    in_path={"reference": reference},
                    query={"limit": limit, "sort": sort},
                )
            ),
        )

    async def request_settlement_quotes(
        self, reference: str, index: int, *, key: str | None = None, if_match: str | None = None
    ) -> models.TradeOut:
        """Ask every FX provider for a quote that settles a final milestone of a float; live quotes stand."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/milestones/{index}/quotes",
                    in_path={"reference": reference, "index": index},
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def list_settlement_quotes(self, reference: str, index: int) -> models.ConversionsOut:
        """Return the live quotes with what each makes of the milestone now, the best first."""
        return cast(
            "models.ConversionsOut",
            await self._sender.send(
                Call(
                    "GET",
                    "/trades/{reference}/milestones/{index}/quotes",
                    in_path={"reference": reference, "index": index},
                )
            ),
        )

    async def settle(
        self, reference: str, index: int, body: models.SettleIn, *, key: str | None = None, if_match: str | None = None
    ) -> models.TradeOut:
        """Settle a final milestone; under float at the quote that the caller's side chooses."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/milestones/{index}/settle",
                    in_path={"reference": reference, "index": index},
                    body=body,
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def last_resort(
        self, reference: str, index: int, *, key: str | None = None, if_match: str | None = None
    ) -> models.TradeOut:
        """Pay a final milestone without quote or fresh median, once its time has come."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/milestones/{index}/last-resort",
                    in_path={"reference": reference, "index": index},
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def defer(
        self, reference: str, index: int, body: models.DeferIn, *, key: str | None = None, if_match: str | None = None
    ) -> models.TradeOut:
        """The exporter's side takes a later deadline, where the terms of a float have the option wait."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/milestones/{index}/defer",
                    in_path={"reference": reference, "index": index},
                    body=body,
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def reprice(self, reference: str, *, key: str | None = None, if_match: str | None = None) -> models.TradeOut:
        """Call the importer of a float for a top-up, where the rate has fallen below the band."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/reprice",
                    in_path={"reference": reference},
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def top_up(
        self, reference: str, body: models.TopUpIn, *, key: str | None = None, if_match: str | None = None
    ) -> models.TradeOut:
        """The importer holds more: exactly what the last call asks for."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/top-up",
                    in_path={"reference": reference},
                    body=body,
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def close(
        self, reference: str, body: models.SideIn, *, key: str | None = None, if_match: str | None = None
    ) -> models.TradeOut:
        """End a float whose rate stays outside its band, where the terms have the option refund."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/close",
                    in_path={"reference": reference},
                    body=body,
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def get_watch(self) -> models.WatchOut:
        """Return which steps the watch does by itself."""
        return cast("models.WatchOut", await self._sender.send(Call("GET", "/watch")))

    async def set_watch(
        self, body: models.WatchIn, *, key: str | None = None, if_match: str | None = None
    ) -> models.WatchOut:
        """Let the watch do a step by itself, or only propose it to staff by an event."""
        return cast(
            "models.WatchOut",
            await self._sender.send(Call("POST", "/watch", body=body, key=key, is_once=True, if_match=if_match)),
        )

    async def get_needs(self, reference: str) -> models.NeedOut:
        """Return what the importer must have, before anybody signs: firm with a quote or under none and float."""
        return cast(
            "models.NeedOut",
            await self._sender.send(Call("GET", "/trades/{reference}/needs", in_path={"reference": reference})),
        )

    async def amend(
        self, reference: str, body: models.AmendIn, *, key: str | None = None, if_match: str | None = None
    ) -> models.TradeOut:
        """Propose other terms for a funded trade; the other side agrees, and whoever else has to sign is asked."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/amend",
                    in_path={"reference": reference},
                    body=body,
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def agree(
        self, reference: str, body: models.SideIn, *, key: str | None = None, if_match: str | None = None
    ) -> models.TradeOut:
        """Sign the amendment that is on the table; with everybody's signature it is sent."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/agree",
                    in_path={"reference": reference},
                    body=body,
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def assign(
        self, reference: str, body: models.AssignIn, *, key: str | None = None, if_match: str | None = None
    ) -> models.TradeOut:
        """Offer a milestone to a financier, for good; once it signs, it is paid in the exporter's place."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/assign",
                    in_path={"reference": reference},
                    body=body,
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    async def cancel(
        self, reference: str, body: models.CancelIn, *, key: str | None = None, if_match: str | None = None
    ) -> models.TradeOut:
        """Sign a cancellation; with both sides' signatures it is sent, and what is unsettled goes back."""
        return cast(
            "models.TradeOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/trades/{reference}/cancel",
                    in_path={"reference": reference},
                    body=body,
                    key=key,
                    is_once=True,
                    if_match=if_match,
                )
            ),
        )

    def list_motions(
        self, reference: str, *, limit: int | None = None, sort: Literal["name", "-name"] | None = None
    ) -> AsyncIterator[models.MotionOut]:
        """Return the changes of a funded trade that are on the table: who has signed, who has not, what they change."""
        return cast(
            "AsyncIterator[models.MotionOut]",
            self._sender.pages(
                Call(
                    "GET",
                    "/trades/{reference}/motions",
                    in_path={"reference": reference},
                    query={"limit": limit, "sort": sort},
                )
            ),
        )

    def list_requests(
        self, *, limit: int | None = None, sort: Literal["asked", "-asked"] | None = None
    ) -> AsyncIterator[models.RequestOut]:
        """Return what the caller is asked to sign about others' trades: as a financier, or as a lock's provider."""
        return cast(
            "AsyncIterator[models.RequestOut]",
            self._sender.pages(Call("GET", "/requests", query={"limit": limit, "sort": sort})),
        )

    async def sign_request(self, request_id: str, *, key: str | None = None) -> models.RequestOut:
        """Sign what is asked; an institution's own signature leaves once its digest is recorded on the chain."""
        return cast(
            "models.RequestOut",
            await self._sender.send(
                Call("POST", "/requests/{request_id}/sign", in_path={"request_id": request_id}, key=key, is_once=True)
            ),
        )

    async def decline_request(
        self, request_id: str, body: models.DeclineIn, *, key: str | None = None
    ) -> models.RequestOut:
        """Say no, with a reason; it may be signed later all the same."""
        return cast(
            "models.RequestOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/requests/{request_id}/decline",
                    in_path={"request_id": request_id},
                    body=body,
                    key=key,
                    is_once=True,
                )
            ),
        )

    def list_documents(
        self, reference: str, *, limit: int | None = None, sort: Literal["time", "-time"] | None = None
    ) -> AsyncIterator[models.PaperOut]:
        """Return the terms and invoices of a trade, and what its attesters have attested, the oldest first."""
        return cast(
            "AsyncIterator[models.PaperOut]",
            self._sender.pages(
                Call(
                    "GET",
                    "/trades/{reference}/documents",
                    in_path={"reference": reference},
                    query={"limit": limit, "sort": sort},
                )
            ),
        )

    async def download_document(self, reference: str, sha256: str) -> bytes:
        """Return a document of a trade, byte for byte."""
        return cast(
            "bytes",
            await self._sender.send(
                Call(
                    "GET",
                    "/trades/{reference}/documents/{sha256}",
                    in_path={"reference": reference, "sha256": sha256},
                    is_raw=True,
                )
            ),
        )

    def list_attestations(
        self, reference: str, *, limit: int | None = None, sort: Literal["signed", "-signed"] | None = None
    ) -> AsyncIterator[models.TradeAttestationOut]:
        """Return what attesters have claimed about a trade's milestones, the oldest first."""
        return cast(
            "AsyncIterator[models.TradeAttestationOut]",
            self._sender.pages(
                Call(
                    "GET",
                    "/trades/{reference}/attestations",
                    in_path={"reference": reference},
                    query={"limit": limit, "sort": sort},
                )
            ),
        )

    def list_releases(
        self, reference: str, *, limit: int | None = None, sort: Literal["time", "-time"] | None = None
    ) -> AsyncIterator[models.ReleaseOut]:
        """Return the milestones that were settled, with who got what and what went back, the oldest first."""
        return cast(
            "AsyncIterator[models.ReleaseOut]",
            self._sender.pages(
                Call(
                    "GET",
                    "/trades/{reference}/releases",
                    in_path={"reference": reference},
                    query={"limit": limit, "sort": sort},
                )
            ),
        )

    def list_messages(
        self, reference: str, *, limit: int | None = None, sort: Literal["number", "-number"] | None = None
    ) -> AsyncIterator[models.PaymentMessageOut]:
        """Return the payment messages of a trade that were sent, received or issued, in their order, and where they are."""
        return cast(
            "AsyncIterator[models.PaymentMessageOut]",
            self._sender.pages(
                Call(
                    "GET",
                    "/trades/{reference}/messages",
                    in_path={"reference": reference},
                    query={"limit": limit, "sort": sort},
                )
            ),
        )

    async def download_message(self, reference: str, number: int) -> bytes:
        """Return the XML of a payment message, byte for byte."""
        return cast(
            "bytes",
            await self._sender.send(
                Call(
                    "GET",
                    "/trades/{reference}/messages/{number}",
                    in_path={"reference": reference, "number": number},
                    is_raw=True,
                )
            ),
        )

    async def print_summary(self, reference: str, *, language: Literal["en", "nl", "sw"] | None = None) -> bytes:
        """Return a trade on paper: who trades what, what it cost, who got what and when."""
        return cast(
            "bytes",
            await self._sender.send(
                Call(
                    "GET",
                    "/trades/{reference}/summary",
                    in_path={"reference": reference},
                    query={"language": language},
                    is_raw=True,
                )
            ),
        )

    async def print_cover(self, reference: str, *, language: Literal["en", "nl", "sw"] | None = None) -> bytes:
        """Return the cover sheet of a closed trade's evidence pack: its hash, and how anybody verifies it offline."""
        return cast(
            "bytes",
            await self._sender.send(
                Call(
                    "GET",
                    "/trades/{reference}/evidence/cover",
                    in_path={"reference": reference},
                    query={"language": language},
                    is_raw=True,
                )
            ),
        )

    async def get_trade_rates(self, reference: str) -> models.TradeRatesOut:
        """Return a trade's rate over its life: day by day, what was agreed, and when it counted."""
        return cast(
            "models.TradeRatesOut",
            await self._sender.send(Call("GET", "/trades/{reference}/rates", in_path={"reference": reference})),
        )

    async def draw_trade_rates(self, reference: str, *, language: Literal["en", "nl", "sw"] | None = None) -> bytes:
        """Return a trade's rate as a chart (SVG), with the band and the points at which it counted."""
        return cast(
            "bytes",
            await self._sender.send(
                Call(
                    "GET",
                    "/trades/{reference}/rates/chart",
                    in_path={"reference": reference},
                    query={"language": language},
                    is_raw=True,
                )
            ),
        )

    async def get_settlement_times(self) -> models.SettlementTimesOut:
        """Return how long it took from the moment a milestone was final until its money had moved."""
        return cast("models.SettlementTimesOut", await self._sender.send(Call("GET", "/settlement-times")))

    async def draw_settlement_times(self, *, language: Literal["en", "nl", "sw"] | None = None) -> bytes:
        """Return how long settlements took as a chart (SVG)."""
        return cast(
            "bytes",
            await self._sender.send(Call("GET", "/settlement-times/chart", query={"language": language}, is_raw=True)),
        )


class Wallets:
    """Resources `wallets`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_purposes(
        self, *, limit: int | None = None, sort: Literal["purpose", "-purpose"] | None = None
    ) -> AsyncIterator[models.PurposeOut]:
        """Return every purpose of the network with its payees."""
        return cast(
            "AsyncIterator[models.PurposeOut]",
            self._sender.pages(Call("GET", "/purposes", query={"limit": limit, "sort": sort})),
        )

    async def define_purpose(self, body: models.PurposeIn, *, key: str | None = None) -> models.WalletOrderOut:
        """Make a purpose, which the caller then owns: a bank or central bank alone."""
        return cast(
            "models.WalletOrderOut",
            await self._sender.send(Call("POST", "/purposes", body=body, key=key, is_once=True)),
        )

    async def allow_payee(self, purpose: str, body: models.PayeeIn, *, key: str | None = None) -> models.WalletOrderOut:
        """Put a payee on a purpose's list or take it off: its owner alone."""
        return cast(
            "models.WalletOrderOut",
            await self._sender.send(
                Call(
                    "POST", "/purposes/{purpose}/payees", in_path={"purpose": purpose}, body=body, key=key, is_once=True
                )
            ),
        )

    def list_wallets(
        self,
        *,
        tier: Literal["anonymous", "registered"] | None = None,
        purpose: str | None = None,
        limit: int | None = None,
        sort: Literal["customer", "-customer"] | None = None,
    ) -> AsyncIterator[models.WalletOut]:
        """Return the wallets of the caller's customers."""
        return cast(
            "AsyncIterator[models.WalletOut]",
            self._sender.pages(
                Call("GET", "/wallets", query={"tier": tier, "purpose": purpose, "limit": limit, "sort": sort})
            ),
        )

    async def open_wallet(self, body: models.WalletIn, *, key: str | None = None) -> models.WalletOrderOut:
        """Open a customer's wallet or change it, in a tier and with a purpose or none: its bank alone."""
        return cast(
            "models.WalletOrderOut", await self._sender.send(Call("POST", "/wallets", body=body, key=key, is_once=True))
        )

    async def get_order(self, order_id: str) -> models.WalletOrderOut:
        """Return an order about wallets, purposes or limits, and what became of it."""
        return cast(
            "models.WalletOrderOut",
            await self._sender.send(Call("GET", "/wallet-orders/{order_id}", in_path={"order_id": order_id})),
        )

    def list_limits(
        self, *, limit: int | None = None, sort: Literal["currency", "-currency"] | None = None
    ) -> AsyncIterator[models.LimitsOut]:
        """Return the limits of wallets' tiers, currency by currency."""
        return cast(
            "AsyncIterator[models.LimitsOut]",
            self._sender.pages(Call("GET", "/tier-limits", query={"limit": limit, "sort": sort})),
        )

    async def set_limits(
        self, currency: str, tier: Literal["anonymous", "registered"], body: models.LimitsIn, *, key: str | None = None
    ) -> models.WalletOrderOut:
        """Set what wallets of a tier may hold and spend of a currency: its central bank alone."""
        return cast(
            "models.WalletOrderOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/tier-limits/{currency}/{tier}",
                    in_path={"currency": currency, "tier": tier},
                    body=body,
                    key=key,
                    is_once=True,
                )
            ),
        )


class Webhooks:
    """Resources `webhooks`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_webhooks(
        self,
        *,
        state: Literal["active", "disabled"] | None = None,
        limit: int | None = None,
        sort: Literal["created", "-created"] | None = None,
    ) -> AsyncIterator[models.WebhookOut]:
        """Return the addresses that events are brought to: a customer's own, or all of the institution."""
        return cast(
            "AsyncIterator[models.WebhookOut]",
            self._sender.pages(Call("GET", "/webhooks", query={"state": state, "limit": limit, "sort": sort})),
        )

    async def register(self, body: models.WebhookIn, *, key: str | None = None) -> models.NewWebhookOut:
        """Have events brought to an address from now on; the answer tells the secret, this once."""
        return cast(
            "models.NewWebhookOut", await self._sender.send(Call("POST", "/webhooks", body=body, key=key, is_once=True))
        )

    async def get_webhook(self, webhook_id: str) -> models.WebhookOut:
        """Return an address with the keys that count."""
        return cast(
            "models.WebhookOut",
            await self._sender.send(Call("GET", "/webhooks/{webhook_id}", in_path={"webhook_id": webhook_id})),
        )

    async def change_webhook(
        self, webhook_id: str, body: models.WebhookChangeIn, *, if_match: str | None = None
    ) -> models.WebhookOut:
        """Change an address, or stop and go on; what happened while it was disabled is brought once it is active again."""
        return cast(
            "models.WebhookOut",
            await self._sender.send(
                Call(
                    "PATCH", "/webhooks/{webhook_id}", in_path={"webhook_id": webhook_id}, body=body, if_match=if_match
                )
            ),
        )

    async def delete_webhook(self, webhook_id: str, *, if_match: str | None = None) -> None:
        """Bring events there no more, and forget the address with its keys and deliveries."""
        await self._sender.send(
            Call("DELETE", "/webhooks/{webhook_id}", in_path={"webhook_id": webhook_id}, if_match=if_match)
        )

    async def rotate_key(self, webhook_id: str, body: models.KeyIn, *, key: str | None = None) -> models.NewKeyOut:
        """Sign with a new key; for the overlap messages carry a signature of each key that counts."""
        return cast(
            "models.NewKeyOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/webhooks/{webhook_id}/keys",
                    in_path={"webhook_id": webhook_id},
                    body=body,
                    key=key,
                    is_once=True,
                )
            ),
        )

    def list_deliveries(
        self,
        webhook_id: str,
        *,
        state: Literal["queued", "delivered", "failed"] | None = None,
        limit: int | None = None,
        sort: Literal["number", "-number"] | None = None,
    ) -> AsyncIterator[models.DeliveryOut]:
        """Return what was brought to an address, or is on its way; the latest first."""
        return cast(
            "AsyncIterator[models.DeliveryOut]",
            self._sender.pages(
                Call(
                    "GET",
                    "/webhooks/{webhook_id}/deliveries",
                    in_path={"webhook_id": webhook_id},
                    query={"state": state, "limit": limit, "sort": sort},
                )
            ),
        )

    async def get_delivery(self, webhook_id: str, number: int) -> models.DeliveryDetailOut:
        """Return a delivery with how each attempt went."""
        return cast(
            "models.DeliveryDetailOut",
            await self._sender.send(
                Call(
                    "GET",
                    "/webhooks/{webhook_id}/deliveries/{number}",
                    in_path={"webhook_id": webhook_id, "number": number},
                )
            ),
        )

    async def replay_delivery(
        self, webhook_id: str, number: int, *, key: str | None = None
    ) -> models.DeliveryDetailOut:
        """Send a delivery again that has ended, under the same `webhook-id`."""
        return cast(
            "models.DeliveryDetailOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/webhooks/{webhook_id}/deliveries/{number}/replay",
                    in_path={"webhook_id": webhook_id, "number": number},
                    key=key,
                    is_once=True,
                )
            ),
        )

    async def replay(self, webhook_id: str, body: models.ReplayIn, *, key: str | None = None) -> models.ReplayedOut:
        """Send again what has failed since an event, or all of it; a thousand at most."""
        return cast(
            "models.ReplayedOut",
            await self._sender.send(
                Call(
                    "POST",
                    "/webhooks/{webhook_id}/replay",
                    in_path={"webhook_id": webhook_id},
                    body=body,
                    key=key,
                    is_once=True,
                )
            ),
        )


class Resources:
    """Everything the API has."""

    def __init__(self, sender: Sender) -> None:
        self.approvals = Approvals(sender)
        self.arbiters = Arbiters(sender)
        self.attesters = Attesters(sender)
        self.audit = Audit(sender)
        self.customers = Customers(sender)
        self.events = Events(sender)
        self.freezes = Freezes(sender)
        self.issuance = Issuance(sender)
        self.ledger = Ledger(sender)
        self.liquidity = Liquidity(sender)
        self.messages = Messages(sender)
        self.notices = Notices(sender)
        self.oauth = Oauth(sender)
        self.own_account = OwnAccount(sender)
        self.participants = Participants(sender)
        self.payment_requests = PaymentRequests(sender)
        self.payments = Payments(sender)
        self.people = People(sender)
        self.quotes = Quotes(sender)
        self.rates = Rates(sender)
        self.reports = Reports(sender)
        self.status = Status(sender)
        self.trades = Trades(sender)
        self.wallets = Wallets(sender)
        self.webhooks = Webhooks(sender)
