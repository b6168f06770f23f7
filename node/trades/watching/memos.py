"""What the money that a trade moved was for: memos in this institution's books, beside the entries of token events."""

from sqlalchemy.orm import Session

from contracts.client.artifacts import ChainEvent
from contracts.trade_transitions import Policy
from node.ledger.errors import NotBookedError
from node.trades.context import Desk
from node.trades.payments.settled import due_part, is_last_resort, purpose_of
from node.trades.standing.rates import policy_of
from node.trades.store import FxLeg, MilestoneRow, Trade

FX_ADJUSTMENT = "fx_adjustment"
"""What the rate has made of a payment beside what was due of the invoice."""
LAST_RESORT = "last_resort"
CONVERSION = "conversion"
PREMIUM = "premium"
CANCEL_FEE = "cancel_fee"


class Memos:
    """Writes memos where the books are ours; money of others is none of theirs."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def paid(self, session: Session, trade: Trade, row: MilestoneRow, event: ChainEvent) -> None:
        """Say what a payee's money was for; under `float` the rate's effect apart from what was due."""
        document = self._desk.document(session, trade)
        account, amount = event.args["account"], event.args["amount"]
        if account not in self._desk.participants.account_names(session):
            return
        purpose = purpose_of(document, account)
        is_resort = is_last_resort(self._desk, document, event.args["token"])
        if policy_of(document) is Policy.FLOAT and not is_resort:
            due = due_part(document, row, account)
            part = None if due == amount else due
            self._write(session, trade, event, account, amount, purpose, row.index, part)
            if part is not None:
                self._write(session, trade, event, account, amount, FX_ADJUSTMENT, row.index, amount - due)
            return
        self._write(session, trade, event, account, amount, purpose, row.index)
        if is_resort:
            self._write(session, trade, event, account, amount, LAST_RESORT, row.index)

    def converted(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        """Say that a slice of the importer's money bought what the payees got."""
        self._from_importer(session, trade, event, event.args["sold"], CONVERSION, event.args["milestone"])

    def premium(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        """Say that the importer paid for a lock's standing ready."""
        self._from_importer(session, trade, event, event.args["premium"], PREMIUM)

    def cancel_fee(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        """Say that the importer paid for what a lock will not buy."""
        self._from_importer(session, trade, event, event.args["amount"], CANCEL_FEE)

    def at_provider(self, session: Session, event: ChainEvent) -> None:
        """Say at a provider, which keeps no trade, what it earned."""
        names = {
            "FundingLegOpened": ("premium", PREMIUM),
            "CancelFeePaid": ("amount", CANCEL_FEE),
            "FundingSliceSettled": ("sold", CONVERSION),
        }
        own = self._desk.participants.institution.address
        if event.name not in names or event.args["provider"] != own:
            return
        field, purpose = names[event.name]
        if not event.args[field]:
            return
        for currency in self._desk.ledger.currencies:
            try:
                self._desk.ledger.add_payment_memo(
                    session,
                    event,
                    currency=currency,
                    account=own,
                    amount=event.args[field],
                    purpose=purpose,
                    trade_id="0x" + event.args["trade_id"].hex(),
                    milestone=event.args.get("milestone"),
                )
            except NotBookedError:
                continue

    def _from_importer(
        self, session: Session, trade: Trade, event: ChainEvent, amount: int, purpose: str, index: int | None = None
    ) -> None:
        payer = self._desk.document(session, trade).importer.account
        is_ours = payer in self._desk.participants.account_names(session)
        if is_ours and amount and int(event.args["provider"], 16):
            self._write(session, trade, event, event.args["provider"], amount, purpose, index, payer=payer)

    def _write(
        self,
        session: Session,
        trade: Trade,
        event: ChainEvent,
        account: str,
        amount: int,
        purpose: str,
        index: int | None,
        part: int | None = None,
        payer: str | None = None,
    ) -> None:
        document = self._desk.document(session, trade)
        token = event.args.get("token")
        leg = session.get(FxLeg, trade.trade_id)
        if token is not None:
            currency = self._desk.deployment.currency_of(token)
        else:
            currency = document.funding.currency if leg is None else leg.currency
        try:
            self._desk.ledger.add_payment_memo(
                session,
                event,
                currency=currency,
                account=account,
                amount=amount,
                purpose=purpose,
                trade_id=trade.reference,
                milestone=index,
                text=document.invoice.number,
                part=part,
                payer=payer,
            )
        except NotBookedError:
            # Payer and payee share these books and the account: nothing moved that a statement would show.
            return
