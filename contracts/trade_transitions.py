"""What a row of the state table of a trade says: states, parties, moments, windows. The rows are in `trade_table`.

Source: docs/spec/settlement.md, sections 3 to 5.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final


class State(IntEnum):
    """States of a milestone, numbered as on chain, time applied."""

    PENDING = 1
    DUE = 2
    DISPUTED = 3
    FINAL = 4
    SETTLED = 5


class Life(StrEnum):
    """States of a trade."""

    NOTHING = "not funded"
    OPEN = "open"
    CLOSED = "closed"


class Policy(IntEnum):
    """FX policies, numbered as on chain."""

    NONE = 0
    CONVERT_NOW = 1
    LOCK = 2
    FLOAT = 3


class Option(IntEnum):
    """What the terms choose for a `float` whose rate leaves the band, numbered as on chain."""

    SHARE = 0
    WAIT = 1
    REFUND = 2


class Party(StrEnum):
    """Who signs."""

    IMPORTER = "importer"
    EXPORTER = "exporter"
    HOLDER = "holder"
    """Of a milestone: its assignee, or the exporter while it has none."""
    HOLDERS = "all holders"
    """Of the unsettled milestones."""
    ASSIGNEE = "assignee"
    PROVIDER = "provider"
    ATTESTER = "attester"
    ARBITER = "arbiter"


class Moment(StrEnum):
    """A second of ledger time that a window ends with; what comes after it opens a second later."""

    FUND_BY = "fund_by"
    DEADLINE = "deadline"
    DISPUTE_ENDS = "due_at + dispute_s"
    AWARD_ENDS = "raised_at + award_s"
    CHOICE_ENDS = "final_at + choice_s"
    GRACE_ENDS = "final_at + grace_s"
    CALL_ENDS = "call_ends_at"
    COOLED_DOWN = "call_ends_at + cool_down_s"
    LAST_CALL = "expiry - call_s - grace_s"
    LAST_DAY = "expiry - 1 day"
    EXPIRY = "expiry"
    """Effective: of the paying hold, moved by the seconds that orders froze its owner."""


class Weight(StrEnum):
    """How much a trade waits for a call."""

    OWED = "owed"
    """The trade stands still without it, or time decides instead."""
    RIGHT = "right"
    """Someone may, for as long as its window lasts."""
    OPTION = "option"
    """Someone may at any time; nobody waits for it."""


UNSETTLED: Final = frozenset({State.PENDING, State.DUE, State.DISPUTED, State.FINAL})
EVERY_POLICY: Final = frozenset(Policy)
EVERY_OPTION: Final = frozenset(Option)
PAID_AT_ONCE: Final = frozenset({Policy.NONE, Policy.CONVERT_NOW, Policy.LOCK})


@dataclass(frozen=True, slots=True)
class Window:
    """When a call is taken, seconds of ledger time."""

    after: tuple[Moment, ...] = ()
    """Opens a second after the earliest of these; empty: at once."""
    until: Moment | None = None
    """Last second; None: as long as the state lasts."""
    early: str = ""
    """Reason of the contract before it opens."""
    late: str = ""
    """Reason of the contract after its last second."""


ALWAYS: Final = Window()


@dataclass(frozen=True, slots=True)
class Transition:
    """One row: a call in one of its cases, or a passing of time."""

    call: str
    """Function of the contract; `time` where nobody calls."""
    case: str
    """Which of the call's cases; empty if it has one."""
    before: frozenset[State]
    """States of the milestone in which it is taken. For a call about the whole trade: of every unsettled milestone."""
    after: State | None
    """State of the milestone afterwards; None: it stays."""
    effect: str
    """What it does, for the page."""
    signers: tuple[Party, ...] = ()
    """Whose signed message it needs; anyone submits."""
    window: Window = ALWAYS
    policies: frozenset[Policy] = EVERY_POLICY
    options: frozenset[Option] = EVERY_OPTION
    needs: str = ""
    """What else must be so, for the page."""
    about_trade: bool = False
    """Of the whole trade rather than one milestone."""
    life: tuple[Life, Life] = (Life.OPEN, Life.OPEN)
    """The trade before and after it."""
    wrong_state: str = ""
    """Reason of the contract for another state of the milestone."""
    settled: str = ""
    """Reason of the contract for a settled milestone, where it is another one."""
    wrong_party: str = ""
    """Reason of the contract for a message that somebody else signed."""
    wrong_policy: str = ""
    """Reason of the contract under another policy or option."""
    says: str = ""
    """What the one who may do it is told, with `{kind}` for the milestone."""
    weight: Weight = Weight.OPTION

    @property
    def is_time(self) -> bool:
        """Whether it happens without a call."""
        return self.call == TIME

    def refusal(self, state: State) -> str:
        """Return the reason of the contract for a milestone in a state that the row does not start from."""
        return self.settled if state is State.SETTLED and self.settled else self.wrong_state

    def fits(self, policy: Policy, option: Option = Option.SHARE) -> bool:
        """Tell whether the call exists for trades of this policy and option."""
        return policy in self.policies and option in self.options


TIME: Final = "time"
NO_TRADE: Final = "escrow: no such trade"
TRADE_CLOSED: Final = "escrow: trade closed"
BAD_SIGNATURE: Final = "escrow: bad signature"
NOT_RECORDED: Final = "escrow: digest not recorded"
"""An institution's message that it has not recorded by its own transaction."""
