"""Every story the demo can tell, by name."""

from typing import Final

from node.app.demo.coffee import called, floating
from node.app.demo.decisions import assigned, disputed, partial
from node.app.demo.faults import frozen, lock_fails, oracle_dies
from node.app.demo.no_delivery import no_delivery
from node.app.demo.play import Scenario
from node.app.demo.roses import roses

SCENARIOS: Final[dict[str, Scenario]] = {
    "roses": roses,
    "no-delivery": no_delivery,
    "coffee-share-0": floating("031", 0),
    "coffee-share-half": floating("032", 5_000),
    "coffee-share-1": floating("033", 10_000),
    "coffee-call-paid": called("034", is_paid=True),
    "coffee-call-unpaid": called("035", is_paid=False),
    "lock-fails": lock_fails,
    "oracle-dies": oracle_dies,
    "frozen": frozen,
    "disputed": disputed,
    "partial": partial,
    "assigned": assigned,
}
