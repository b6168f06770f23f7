"""People are told what they have asked for, once, and mail goes only where its owner has said so."""

import pytest

from node.notices.errors import NoMailServerError, TooManyCodesError
from node.notices.limits import BACKOFF_FIRST_S, CODE_S_MAX, CODE_TRIES_MAX, CODES_MAX, GIVE_UP_S
from node.notices.service import NoticeService, Wish
from node.notices.wording import ACTING, words
from node.web.events import events_after
from tests.unit.notices.conftest import ADDRESS, Desk


async def test_event_is_told_once_to_those_who_want_it_and_may_know_it(desk: Desk) -> None:
    desk.tell()
    desk.prefer("bank-nl")
    desk.prefer("bank-nl/bloem", "bloem", kinds=["trade"])
    desk.prefer("bank-nl/tulp", "tulp", kinds=["trade", "payment.settled"])
    desk.prefer("bank-nl/quiet", "bloem", in_console=False)
    desk.tell(owner="bloem")
    desk.tell("trade.signed", owner="bloem")
    desk.tell("payment.settled", owner="tulp", id="7", amount="5", currency="EUR")
    for _ in range(2):
        await desk.work()
    assert desk.titles("bank-nl") == ["New terms for trade NR-1"]
    assert desk.titles("bank-nl/bloem") == ["New terms for trade NR-1", "Trade NR-1: terms signed"]
    assert desk.titles("bank-nl/tulp") == ["Payment of 5 minor units EUR is settled"]
    assert desk.titles("bank-nl/quiet") == []
    assert desk.mailer.sent == []


async def test_mail_is_sent_when_the_address_is_confirmed_and_not_before(desk: Desk) -> None:
    desk.prefer(by_email=True, email=ADDRESS)
    desk.tell()
    await desk.work()
    ((to, title, _),) = desk.mailer.sent
    assert (to, title) == (ADDRESS, "Confirm your e-mail address")
    assert desk.titles("bank-nl") == ["New terms for trade NR-1"]
    assert not desk.confirm("00000000" if desk.code() != "00000000" else "00000001")
    assert desk.confirm(desk.code())
    assert not desk.confirm(desk.code())
    desk.tell()
    await desk.work()
    assert desk.mailer.sent[1][:2] == (ADDRESS, "New terms for trade NR-1")
    assert len(desk.mailer.sent) == 2


async def test_address_has_to_be_confirmed_again_when_it_is_another(desk: Desk) -> None:
    await desk.with_address()
    assert desk.prefer(by_email=True, email=ADDRESS).is_confirmed
    assert not desk.prefer(by_email=True, email="bob@bank.example").is_confirmed
    desk.tell()
    await desk.work()
    assert [to for to, _, _ in desk.mailer.sent] == ["bob@bank.example"]


async def test_code_is_refused_when_it_was_guessed_too_often_or_is_old(desk: Desk) -> None:
    desk.prefer(by_email=True, email=ADDRESS)
    await desk.work()
    code = desk.code()
    wrong = "00000000" if code != "00000000" else "00000001"
    assert not any(desk.confirm(wrong) for _ in range(CODE_TRIES_MAX))
    assert not desk.confirm(code)
    desk.prefer(by_email=True, email=ADDRESS)
    await desk.work()
    desk.clock.now_s += CODE_S_MAX + 1
    assert not desk.confirm(desk.code())
    assert not desk.confirm(desk.code(), "bank-nl/nobody")


async def test_codes_are_sent_so_often_and_no_more_within_an_hour(desk: Desk) -> None:
    for number in range(CODES_MAX):
        desk.prefer(by_email=True, email=f"a{number}@bank.example")
    with pytest.raises(TooManyCodesError) as refused:
        desk.prefer(by_email=True, email=ADDRESS)
    assert 0 < refused.value.retry_after_s <= CODE_S_MAX + 1
    desk.clock.now_s += refused.value.retry_after_s
    desk.prefer(by_email=True, email=ADDRESS)
    await desk.work()
    assert len(desk.mailer.sent) == CODES_MAX + 1


async def test_mail_is_tried_later_and_given_up_when_the_server_does_not_take_it(desk: Desk) -> None:
    await desk.with_address(in_console=False)
    desk.mailer.is_away = True
    desk.tell()
    await desk.work()
    row = desk.rows()[-1]
    assert (row.email_state, row.attempts, row.next_attempt_at_s - desk.clock.now_s) == ("queued", 1, BACKOFF_FIRST_S)
    assert row.reason is not None
    desk.clock.now_s += BACKOFF_FIRST_S
    desk.mailer.is_away = False
    await desk.work()
    assert (desk.rows()[-1].email_state, len(desk.mailer.sent)) == ("sent", 1)
    desk.mailer.is_away = True
    desk.tell()
    await desk.work()
    desk.clock.now_s += GIVE_UP_S + 1
    await desk.work()
    assert desk.rows()[-1].email_state == "failed"


async def test_notice_is_an_event_of_its_own_when_a_webhook_is_to_bring_it_and_of_no_other(desk: Desk) -> None:
    desk.prefer("bank-nl/bloem", "bloem", in_console=False, by_webhook=True)
    desk.prefer("bank-nl", kinds=["notice", "trade"])
    desk.tell(owner="bloem")
    for _ in range(3):
        await desk.work()
    with desk.database.read() as session:
        told = [(one.kind, one.owner, one.body.get("title")) for one in events_after(session, 0, None)]
    assert told == [("trade.offered", "bloem", None), ("notice.created", "bloem", "New terms for trade NR-1")]
    assert desk.titles("bank-nl") == ["New terms for trade NR-1"]


def test_mail_is_refused_when_the_node_has_no_server(desk: Desk) -> None:
    service = NoticeService(sends_email=False)
    with desk.database.transaction() as session, pytest.raises(NoMailServerError):
        service.prefer(session, "bank-nl", None, Wish([], True, False, True, ADDRESS))


@pytest.mark.parametrize("kind", sorted(ACTING))
def test_words_stand_by_themselves_when_a_body_lacks_what_they_name(kind: str) -> None:
    for body in ({}, {"reference": "NR-1", "reason": "late", "milestone_kind": "loaded"}):
        title, text = words(kind, body)
        assert title
        assert "{" not in title + text


def test_words_are_one_line_and_no_format_when_a_body_is_hostile() -> None:
    title, text = words(
        "trade.withdrawn", {"reference": "x\r\nBcc: eve@evil.example", "by": "{__class__} " + "y" * 5_000}
    )
    assert "\n" not in title
    assert "\r" not in title
    assert text.startswith("{__class__}")
    assert len(text) <= 1_000


def test_words_are_made_of_the_name_when_a_kind_has_none() -> None:
    assert words("trade.MilestoneDue", {"reference": "NR-1", "milestone": 0})[0] == "trade NR-1: milestone due"
    assert words("customer.wallet", {"customer": "bloem"}) == ("customer: wallet", "customer bloem")
