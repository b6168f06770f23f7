"""Wallets, purposes and limits, through `landfall wallet` on a running devnet."""

from tests.e2e.conftest import Shell


def test_a_purpose_and_limits_hold_when_they_are_ordered_on_the_command_line(shell: Shell) -> None:
    assert shell.wallet("define", "flowers", who="cb-eur") == "define purpose flowers: done\n"
    assert "done" in shell.wallet("allow", "flowers", "bank-ke", who="cb-eur")
    refused = shell.wallet("allow", "flowers", "bank-ke", who="bank-nl", code=1)
    assert "expected its owner cb-eur to ask" in refused
    listed = shell.wallet("purposes", who="bank-nl")
    assert [line.split() for line in listed.splitlines()][1] == ["flowers", "cb-eur", "bank-ke"]

    assert "done" in shell.wallet("open", "bloem", "--purpose", "flowers", who="bank-nl")
    assert "done" in shell.wallet(
        "open", "anon-1", "--name", "Anonymous wallet 1", "--tier", "anonymous", who="bank-nl"
    )
    wallets = shell.wallet("list", who="bank-nl")
    assert [line.split()[2:] for line in wallets.splitlines() if line.startswith(("anon-1", "bloem"))] == [
        ["anonymous", "-"],
        ["registered", "flowers"],
    ]
    assert "no limits" in shell.wallet("limits", who="bank-nl")
    limits = ("--holding", "150.00", "--flow", "100.00", "--window", "86400")
    assert "done" in shell.wallet("limit", "EUR", "anonymous", *limits, who="cb-eur")
    assert "150.00 EUR" in shell.wallet("limits", who="bank-nl")
    assert "expected one that bank-nl issues" in shell.wallet("limit", "EUR", "anonymous", who="bank-nl", code=1)
    assert "done" in shell.wallet("forbid", "flowers", "bank-ke", who="cb-eur")
    assert "nobody yet" in shell.wallet("purposes", who="bank-nl")
