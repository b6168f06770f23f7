"""The devnet's cast."""

from stdnum import bic, lei

from node.app.cast import devnet_seed, load_cast


def test_cast_has_valid_identifiers_when_loaded() -> None:
    for institution in load_cast().institutions:
        assert lei.validate(institution.lei) == institution.lei
        assert bic.validate(institution.bic) == institution.bic


def test_cast_ids_are_unique_when_customers_are_counted() -> None:
    cast = load_cast()
    ids = [i.id for i in cast.institutions] + [c.id for i in cast.institutions for c in i.customers]
    assert len(ids) == len(set(ids))


def test_cast_currencies_have_a_central_bank_when_loaded() -> None:
    cast = load_cast()
    for currency in cast.currencies:
        assert "central_bank" in cast.institution(currency.issuer).roles


def test_devnet_seed_differs_when_role_differs() -> None:
    assert devnet_seed("bank-nl", "transaction") != devnet_seed("bank-nl", "message")
    assert len(devnet_seed("bank-nl", "transaction")) == 32
