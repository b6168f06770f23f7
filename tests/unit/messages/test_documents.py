"""ISO 20022 documents as payloads."""

from pathlib import Path

import pytest

from node.messages.documents import check_document, kind_of
from node.messages.errors import WrongDocumentError
from node.messages.iso20022.errors import InvalidMessageError, UnreadableMessageError
from node.messages.payloads import check, is_document, is_once_per_uetr
from node.messages.ports import Message

TRANSFER = (Path(__file__).parents[3] / "examples" / "messages" / "customer-transfer.xml").read_bytes()
KIND = "pacs.008.001.08"


def test_document_names_its_kind_and_payment_when_it_is_valid() -> None:
    assert kind_of(TRANSFER) == KIND
    uetr = check_document(KIND, TRANSFER)
    assert uetr is not None
    assert uetr.encode() in TRANSFER


def test_document_is_refused_when_it_is_of_another_kind_or_not_valid() -> None:
    with pytest.raises(WrongDocumentError, match=r"pacs\.009"):
        check_document("pacs.009.001.08", TRANSFER)
    with pytest.raises(InvalidMessageError):
        check_document(KIND, TRANSFER.replace(b"<ChrgBr>", b"<ChrgBr>X"))
    with pytest.raises(UnreadableMessageError):
        check_document(KIND, b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>")


def test_message_is_refused_when_its_header_names_another_payment() -> None:
    uetr = check_document(KIND, TRANSFER)
    check(Message("m", "a", "b", KIND, TRANSFER, None, uetr), check_document)
    for other in (None, "6f1d3b9c-5a0e-4f5e-9f52-0d3f1a7b6c10"):
        with pytest.raises(WrongDocumentError, match="uetr"):
            check(Message("m", "a", "b", KIND, TRANSFER, None, other), check_document)


@pytest.mark.parametrize(("kind", "expected"), [(KIND, True), ("trades.offer", False), ("pacs.008", False)])
def test_kind_is_a_documents_when_it_is_an_iso_definition(kind: str, expected: bool) -> None:
    assert is_document(kind) is expected


def test_kind_moves_money_once_per_uetr_when_it_is_a_transfer_or_return() -> None:
    moving = [kind for kind in ("pacs.008.001.08", "pacs.009.001.08", "pacs.004.001.09") if is_once_per_uetr(kind)]
    others = [kind for kind in ("pacs.002.001.10", "pacs.028.001.03", "camt.056.001.08") if is_once_per_uetr(kind)]
    assert (len(moving), others) == (3, [])
