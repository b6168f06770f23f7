"""The decision of a trade says what was done: nothing."""

from pathlib import Path

import pytest

from node.compliance.errors import NoDecisionError
from node.compliance.service import NOT_SCREENED, ComplianceService, Decision
from node.storage.database import Database
from node.storage.migrate import prepare


def test_decision_says_not_screened_and_stays_when_recorded_twice(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/desk.sqlite")
    prepare(database)
    service = ComplianceService()
    with database.transaction() as session:
        service.record(session, trade_id="0x01", now_s=100)
        service.record(session, trade_id="0x01", now_s=200)
    with database.read() as session:
        assert service.decision_for(session, "0x01") == Decision("0x01", NOT_SCREENED, None, 100)
        with pytest.raises(NoDecisionError, match="0x02"):
            service.decision_for(session, "0x02")
