"""Every story the demo can tell, by name."""

from typing import Final

from node.app.demo.no_delivery import no_delivery
from node.app.demo.play import Scenario
from node.app.demo.roses import roses

SCENARIOS: Final[dict[str, Scenario]] = {
    "roses": roses,
    "no-delivery": no_delivery,
}
