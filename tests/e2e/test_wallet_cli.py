"""Wallets, purposes and limits, through `landfall wallet` on a running devnet."""

import json

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
    _governs(shell)
    # The desk signs with the same key, and goes on behind what the member sent.
    assert "done" in shell.wallet("allow", "flowers", "bank-nl", who="cb-eur")


def _governs(shell: Shell) -> None:
    """Change a block limit as the devnet's only member, with the key that its desk signs with too."""
    keystore = shell.home / "institutions" / "cb-eur" / "keystore.json"
    passphrase = shell.home / "passphrase"
    passphrase.write_text("devnet")
    passphrase.chmod(0o600)
    rpc = ("--rpc", json.loads((shell.home / "run.json").read_text())["rpc_url"])
    signing = ("--keystore", str(keystore), "--passphrase-file", str(passphrase), *rpc)
    shell.run("validator", "propose", "params", "block_gas=40000000", *signing)
    assert "passed, locked until" in shell.run("validator", "vote", "1", "yes", *signing)
    shell.advance("--days", "1")
    assert "proposal 1 is executed" in shell.run("validator", "execute", "1", *signing)
    assert "40000000 gas" in shell.run("validator", "list", *rpc)
