"""A customer's webhooks end when its bank parts from it, and are forgotten with it."""

from node.webhooks.personal import WebhookKeeper
from node.webhooks.store import EndpointRow
from tests.unit.webhooks.conftest import Hooks


async def test_webhooks_of_a_customer_end_and_are_forgotten_with_it(hooks: Hooks) -> None:
    own, others, banks = hooks.register("bloem"), hooks.register("tulp"), hooks.register()
    hooks.tell(owner="bloem")
    await hooks.courier.drain()
    keeper = WebhookKeeper(hooks.service)
    with hooks.database.transaction() as session:
        (told,) = keeper.export(session, "bloem")
        assert (told["webhook"]["id"], len(told["deliveries"])) == (own, 1)
        assert "secret" not in str(told)
        keeper.close(session, "bloem", 0)
    assert [hooks.endpoint(one).state for one in (own, others, banks)] == ["disabled", "active", "active"]
    with hooks.database.transaction() as session:
        keeper.erase(session, "bloem", 0)
        assert {row.id for row in session.query(EndpointRow)} == {others, banks}
