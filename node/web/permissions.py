"""The one table of who may do what: roles, what each may do, and who checks what another has made.

A route names the permission it takes, by `node.web.auth.needs`; a caller without it is refused, and a route that names
none keeps the process from starting. A permission is also an OAuth scope of the same name.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Permission(StrEnum):
    """What a route takes: a resource and what is done to it."""

    OWN = "own:use"
    """Oneself: one's name, roles, sessions and passkeys; what one is told, and how."""
    ACCOUNTS_READ = "accounts:read"
    APPLICATIONS_READ = "applications:read"
    APPOINTMENTS_READ = "appointments:read"
    APPROVALS_DECIDE = "approvals:decide"
    """Of that which one may check: see `CHECKED_BY`."""
    APPROVALS_READ = "approvals:read"
    ATTESTATIONS_WRITE = "attestations:write"
    AUDIT_READ = "audit:read"
    AUDIT_SIGN = "audit:sign"
    BOOKS_READ = "books:read"
    BOOKS_WRITE = "books:write"
    """When business days end."""
    CLIENTS_READ = "clients:read"
    CLIENTS_WRITE = "clients:write"
    CUSTOMERS_APPROVE = "customers:approve"
    CUSTOMERS_ERASE = "customers:erase"
    CUSTOMERS_EXPORT = "customers:export"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    DISPUTES_AWARD = "disputes:award"
    DISPUTES_READ = "disputes:read"
    EVENTS_READ = "events:read"
    FREEZES_APPROVE = "freezes:approve"
    FREEZES_READ = "freezes:read"
    FREEZES_WRITE = "freezes:write"
    ISSUANCE_ANSWER = "issuance:answer"
    ISSUANCE_APPROVE = "issuance:approve"
    ISSUANCE_READ = "issuance:read"
    ISSUANCE_REQUEST = "issuance:request"
    KEYS_APPROVE = "keys:approve"
    KEYS_WRITE = "keys:write"
    LIMITS_APPROVE = "limits:approve"
    LIMITS_WRITE = "limits:write"
    MESSAGES_READ = "messages:read"
    MESSAGES_WRITE = "messages:write"
    NOTICES_READ = "notices:read"
    NOTICES_WRITE = "notices:write"
    """What an institution's staff shares: who is told what, and what is done with."""
    PARTICIPANTS_READ = "participants:read"
    PARTICIPANTS_WRITE = "participants:write"
    PAYMENTS_APPROVE = "payments:approve"
    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"
    PAYMENT_REQUESTS_WRITE = "payment_requests:write"
    """To ask to be paid; what is asked for is paid under `PAYMENTS_WRITE`."""
    PEOPLE_APPROVE = "people:approve"
    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    QUOTES_READ = "quotes:read"
    RATES_READ = "rates:read"
    RATES_WRITE = "rates:write"
    STATEMENTS_READ = "statements:read"
    """Statements as documents: whose account it is, and who makes, checks and funds payments at its bank."""
    STATUS_READ = "status:read"
    TRADES_FUND = "trades:fund"
    TRADES_READ = "trades:read"
    TRADES_WRITE = "trades:write"
    WALLETS_READ = "wallets:read"
    WALLETS_WRITE = "wallets:write"
    WATCH_WRITE = "watch:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    ACT_ALONE = "act:alone"
    """What needs a second person takes effect without one: a devnet's own tokens, nobody else's."""


class Role(StrEnum):
    """What somebody is to the institution; one may be several."""

    EXPORTER = "exporter"
    IMPORTER = "importer"
    BANK_MAKER = "bank_maker"
    BANK_CHECKER = "bank_checker"
    TREASURER = "treasurer"
    COMPLIANCE = "compliance"
    OPERATOR = "operator"
    REGULATOR = "regulator"
    DEVNET = "devnet"
    """The public tokens of a devnet."""


P = Permission
_ANYBODY: Final = frozenset(
    {
        P.OWN,
        P.ACCOUNTS_READ,
        P.EVENTS_READ,
        P.NOTICES_READ,
        P.PARTICIPANTS_READ,
        P.PAYMENTS_READ,
        P.RATES_READ,
        P.TRADES_READ,
    }
)
"""Of their own: a customer's people see that customer's alone."""
_CUSTOMER: Final = _ANYBODY | {
    P.APPROVALS_READ,
    P.CUSTOMERS_EXPORT,
    P.CUSTOMERS_READ,
    P.PAYMENTS_WRITE,
    P.PAYMENT_REQUESTS_WRITE,
    P.STATEMENTS_READ,
    P.TRADES_WRITE,
    P.WEBHOOKS_READ,
    P.WEBHOOKS_WRITE,
}
_READER: Final = _ANYBODY | {
    P.APPROVALS_READ,
    P.APPOINTMENTS_READ,
    P.BOOKS_READ,
    P.CUSTOMERS_READ,
    P.DISPUTES_READ,
    P.FREEZES_READ,
    P.ISSUANCE_READ,
    P.MESSAGES_READ,
    P.QUOTES_READ,
    P.STATUS_READ,
    P.WALLETS_READ,
}
PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        Role.EXPORTER: _CUSTOMER,
        Role.IMPORTER: _CUSTOMER | {P.TRADES_FUND},
        Role.BANK_MAKER: _READER
        | {
            P.APPLICATIONS_READ,
            P.ATTESTATIONS_WRITE,
            P.CUSTOMERS_WRITE,
            P.DISPUTES_AWARD,
            P.MESSAGES_WRITE,
            P.PAYMENTS_WRITE,
            P.PAYMENT_REQUESTS_WRITE,
            P.STATEMENTS_READ,
            P.TRADES_FUND,
            P.TRADES_WRITE,
            P.WALLETS_WRITE,
        },
        Role.BANK_CHECKER: _READER
        | {P.APPLICATIONS_READ, P.APPROVALS_DECIDE, P.CUSTOMERS_APPROVE, P.PAYMENTS_APPROVE, P.STATEMENTS_READ},
        Role.TREASURER: _READER
        | {
            P.APPROVALS_DECIDE,
            P.BOOKS_WRITE,
            P.ISSUANCE_ANSWER,
            P.ISSUANCE_APPROVE,
            P.ISSUANCE_REQUEST,
            P.LIMITS_APPROVE,
            P.LIMITS_WRITE,
            P.RATES_WRITE,
            P.STATEMENTS_READ,
        },
        Role.COMPLIANCE: _READER
        | {
            P.APPLICATIONS_READ,
            P.APPROVALS_DECIDE,
            P.AUDIT_READ,
            P.CUSTOMERS_APPROVE,
            P.CUSTOMERS_ERASE,
            P.CUSTOMERS_EXPORT,
            P.CUSTOMERS_WRITE,
            P.FREEZES_APPROVE,
            P.FREEZES_WRITE,
        },
        Role.OPERATOR: _READER
        | {
            P.APPROVALS_DECIDE,
            P.AUDIT_READ,
            P.AUDIT_SIGN,
            P.CLIENTS_READ,
            P.CLIENTS_WRITE,
            P.KEYS_APPROVE,
            P.KEYS_WRITE,
            P.NOTICES_WRITE,
            P.PARTICIPANTS_WRITE,
            P.PEOPLE_APPROVE,
            P.PEOPLE_READ,
            P.PEOPLE_WRITE,
            P.WATCH_WRITE,
            P.WEBHOOKS_READ,
            P.WEBHOOKS_WRITE,
        },
        Role.REGULATOR: _READER | {P.AUDIT_READ, P.CLIENTS_READ, P.PEOPLE_READ},
        Role.DEVNET: frozenset({P.OWN, P.ACT_ALONE}),
    }
)
CHECKED_BY: Final[Mapping[Permission, Permission]] = MappingProxyType(
    {
        P.CLIENTS_WRITE: P.PEOPLE_APPROVE,
        P.CUSTOMERS_ERASE: P.CUSTOMERS_APPROVE,
        P.CUSTOMERS_WRITE: P.CUSTOMERS_APPROVE,
        P.DISPUTES_AWARD: P.PAYMENTS_APPROVE,
        P.FREEZES_WRITE: P.FREEZES_APPROVE,
        P.ISSUANCE_ANSWER: P.ISSUANCE_APPROVE,
        P.ISSUANCE_REQUEST: P.ISSUANCE_APPROVE,
        P.KEYS_WRITE: P.KEYS_APPROVE,
        P.LIMITS_WRITE: P.LIMITS_APPROVE,
        P.PARTICIPANTS_WRITE: P.KEYS_APPROVE,
        P.PAYMENTS_WRITE: P.PAYMENTS_APPROVE,
        P.PEOPLE_WRITE: P.PEOPLE_APPROVE,
        P.TRADES_FUND: P.PAYMENTS_APPROVE,
        P.TRADES_WRITE: P.PAYMENTS_APPROVE,
    }
)
"""What one makes under the first, another person approves or rejects under the second."""
OF_CUSTOMERS: Final = frozenset({Role.EXPORTER, Role.IMPORTER})
OF_STAFF: Final = frozenset(Role) - OF_CUSTOMERS - {Role.DEVNET}
DEVNET_STAFF: Final = OF_STAFF | {Role.DEVNET}
"""Of an institution's token on a devnet."""
DEVNET_CUSTOMER: Final = OF_CUSTOMERS | {Role.DEVNET}


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Return what holders of these roles may do: nothing without a role."""
    return frozenset().union(*(PERMISSIONS[role] for role in roles))
