"""What a customer asked to be paid is exported, and gone when the customer is forgotten."""

from node.payment_requests.personal import PaymentRequestKeeper
from tests.unit.payment_requests.conftest import Bank


def test_requests_are_exported_and_erased_when_they_are_the_customers(payee: Bank) -> None:
    row = payee.ask()
    keeper = PaymentRequestKeeper()
    with payee.books.database.transaction() as session:
        assert [one["payload"] for one in keeper.export(session, "bloem")] == [row.payload]
        assert keeper.export(session, "other") == []
        keeper.erase(session, "other", 0)
        assert len(keeper.export(session, "bloem")) == 1
        assert keeper.obstacles(session, "bloem") == []
        keeper.erase(session, "bloem", 0)
        assert keeper.export(session, "bloem") == []
