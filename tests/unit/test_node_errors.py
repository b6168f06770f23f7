"""The one mapping table: family and kind decide what a caller sees."""

import pytest

from contracts.client.errors import CallRevertedError, ChainUnavailableError, ForkedChainError
from node.errors import INVARIANT, REJECTED, UNAVAILABLE, abci_code, json_rpc_error, map_error, problem_json
from node.participants.errors import UnknownCustomerError
from node.web.errors import BodyTooLargeError, ForbiddenError, UnauthenticatedError
from pqc.errors import InvalidSignatureError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnknownCustomerError("x"), 404),
        (UnauthenticatedError("x"), 401),
        (ForbiddenError("x"), 403),
        (BodyTooLargeError(5), 413),
        (CallRevertedError("settle", "escrow: not final"), 422),
        (InvalidSignatureError("ML-DSA-65", "another key's"), 422),
        (ChainUnavailableError("away"), 503),
        (ForkedChainError(1, b"\1", b"\2"), 500),
        (KeyError("bug"), 500),
    ],
)
def test_map_error_chooses_the_status_when_given_an_error_of_any_room(error: Exception, status: int) -> None:
    assert map_error(error).http_status == status
    assert problem_json(error, "/v1/x")["status"] == status


def test_problem_json_tells_field_and_code_when_the_caller_is_at_fault() -> None:
    problem = problem_json(UnknownCustomerError("x"), "/v1/customers/x")
    assert problem["type"] == "/problems/participants/7"
    assert problem["code"] == "participants/7"
    assert problem["field"] == "customer"
    assert problem["instance"] == "/v1/customers/x"
    assert "got 'x'" in problem["detail"]


def test_problem_json_hides_the_text_when_the_node_is_at_fault() -> None:
    for error in (KeyError("secret"), ForkedChainError(1, b"\1", b"\2")):
        assert "secret" not in str(problem_json(error, "/"))
        assert "0x01" not in str(problem_json(error, "/"))
        assert json_rpc_error(error)["message"] == "internal error"


def test_json_rpc_error_has_the_rows_code_when_mapped() -> None:
    assert json_rpc_error(ChainUnavailableError("away")) == {
        "code": UNAVAILABLE.json_rpc_code,
        "message": "away",
        "data": "contracts/13",
    }


def test_abci_code_is_at_least_two_when_the_error_has_no_code_of_its_own() -> None:
    assert abci_code(KeyError("x")) == ("node", 5)
    assert abci_code(UnknownCustomerError("x")) == ("participants", 7)


def test_statuses_differ_by_row_when_the_table_is_read() -> None:
    statuses = [row.http_status for row in (*REJECTED.values(), UNAVAILABLE, INVARIANT)]
    assert len(set(statuses)) == len(statuses)
