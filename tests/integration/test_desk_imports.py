"""A desk's first answer does not wait for libraries that only some of its work needs."""

import subprocess
import sys

import pytest

HEAVY = ("web3", "alembic", "eth_account", "eth", "boa", "vyper", "trie", "lmdb", "lxml", "xsdata", "pyiso20022")
HEAVY += ("webauthn", "authlib", "joserfc", "weasyprint")


@pytest.mark.parametrize("module", ["node.app.desk", "node.messages.iso20022.codec", "node.app.cli"])
def test_module_imports_nothing_heavy_when_it_is_loaded(module: str) -> None:
    program = f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    command = [sys.executable, "-W", "ignore", "-c", program]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert found.stdout.split() == []


def test_heavy_names_are_modules_when_looked_up() -> None:
    from importlib.util import find_spec

    assert [name for name in HEAVY if find_spec(name) is None] == []
