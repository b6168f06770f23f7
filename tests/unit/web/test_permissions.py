"""The table of permissions: whole, without loops, and as the documentation says."""

import subprocess
import sys
from pathlib import Path

from node.web.permissions import (
    CHECKED_BY,
    DEVNET_CUSTOMER,
    DEVNET_STAFF,
    OF_CUSTOMERS,
    OF_STAFF,
    PERMISSIONS,
    Permission,
    Role,
    permissions_of,
)

ROOT = Path(__file__).parents[3]


def test_every_permission_is_somebodys_when_the_table_is_read() -> None:
    assert permissions_of(Role) == frozenset(Permission)
    assert set(PERMISSIONS) == set(Role)
    assert permissions_of(()) == frozenset()


def test_roles_are_the_institutions_or_its_customers_when_they_are_given() -> None:
    assert OF_STAFF | OF_CUSTOMERS | {Role.DEVNET} == set(Role)
    assert not OF_STAFF & OF_CUSTOMERS
    assert Role.DEVNET in DEVNET_STAFF & DEVNET_CUSTOMER


def test_nobody_checks_by_the_permission_that_makes() -> None:
    for makes, checks in CHECKED_BY.items():
        assert checks not in CHECKED_BY
        assert str(checks).endswith(":approve"), makes
        deciders = [role for role in Role if checks in PERMISSIONS[role]]
        assert deciders
        assert all(Permission.APPROVALS_DECIDE in PERMISSIONS[role] for role in deciders)
        assert not OF_CUSTOMERS & set(deciders)


def test_documentation_is_current_when_the_table_changes() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/build_permission_docs.py", "--check"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_statements_are_for_owners_and_those_who_pay_when_somebody_reads_one() -> None:
    readers = {role for role in Role if Permission.STATEMENTS_READ in PERMISSIONS[role]}
    assert readers == OF_CUSTOMERS | {Role.BANK_MAKER, Role.BANK_CHECKER, Role.TREASURER}
