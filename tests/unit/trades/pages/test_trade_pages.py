"""Pages of a trade: decided on as it was seen, with its papers and its rate."""

import defusedxml.ElementTree as ElementTree

from node.trades.pages import arbiter_pages
from tests.unit.trades import rated, story
from tests.unit.trades.acting.test_deciding import loaded
from tests.unit.trades.motions.test_motions import COUNTERED
from tests.unit.trades.pages.browsing import Browsing, hidden
from tests.unit.trades.rest.test_routes import TRADE, draft_body
from tests.unit.trades.terms_help import changed
from tests.unit.trades.world import example

PAGE = f"/trades/{story.REFERENCE}"
CHANGED = "It has changed meanwhile."


def drafted() -> Browsing:
    pages = Browsing(story.start())
    pages.post("naivasha", "/v1/trades", draft_body(), 201)
    return pages


def counter(pages: Browsing) -> None:
    pages.post("bloem", f"{TRADE}/counter", {"terms_toml": example(COUNTERED).decode()})


def test_signature_is_refused_and_the_new_terms_are_shown_when_they_were_countered_meanwhile() -> None:
    pages = drafted()
    seen = hidden(pages.show("naivasha", PAGE))
    counter(pages)
    refused = pages.send("naivasha", f"{PAGE}/do/sign", seen, 412)
    assert CHANGED in refused
    assert "If-Match" not in refused
    assert "Version 2, of the importer, changes:" in refused
    assert pages.get("naivasha", TRADE)["signed_by"] == []
    assert pages.send("naivasha", f"{PAGE}/do/sign", hidden(refused)).endswith("done=signed")
    assert pages.get("naivasha", TRADE)["signed_by"] != []


def test_signature_counts_when_only_the_other_side_has_signed_meanwhile() -> None:
    pages = drafted()
    seen = hidden(pages.show("naivasha", PAGE))
    pages.post("bloem", f"{TRADE}/sign", {})
    assert pages.send("naivasha", f"{PAGE}/do/sign", seen).endswith("done=signed")
    assert pages.get("naivasha", TRADE)["state"] == "agreed"


def test_form_takes_effect_once_when_it_is_sent_again_after_its_own_change() -> None:
    pages = drafted()
    seen = hidden(pages.show("naivasha", PAGE))
    assert pages.send("naivasha", f"{PAGE}/do/withdraw", seen).endswith("done=withdrawn")
    assert pages.send("naivasha", f"{PAGE}/do/withdraw", seen).endswith("done=withdrawn")


def test_counter_is_refused_beside_the_other_version_when_there_is_one_meanwhile() -> None:
    pages = drafted()
    form = pages.show("naivasha", f"{PAGE}/counter")
    counter(pages)
    mine = {**hidden(form), "reference": story.REFERENCE, "goods": "What I had written"}
    incomplete = pages.send("naivasha", f"{PAGE}/counter", mine, 422)
    assert hidden(incomplete)["seen"] == hidden(form)["seen"], "still an answer to what was seen"
    added = pages.send("naivasha", f"{PAGE}/counter", {**mine, "add": "milestone"}, 200)
    assert hidden(added)["seen"] == hidden(form)["seen"]
    file = {"terms": ("terms.toml", changed(("2026-09-25T18:00:00Z", "2026-09-27T18:00:00Z"), path=COUNTERED))}
    refused = pages.send("naivasha", f"{PAGE}/counter", hidden(form), 412, file)
    assert CHANGED in refused
    assert "Version 2, of the importer, changes:" in refused
    assert pages.get("bloem", TRADE)["version"] == 2
    assert pages.send("naivasha", f"{PAGE}/counter", hidden(refused), files=file).endswith("done=countered")
    assert pages.get("bloem", TRADE)["version"] == 3


def test_amendment_is_not_signed_when_another_has_taken_its_place() -> None:
    pages = Browsing(story.funded())

    def propose(day: int) -> None:
        terms = changed(("2026-09-25T18:00:00Z", f"2026-09-{day}T18:00:00Z"), path=COUNTERED).decode()
        pages.post("naivasha", f"{TRADE}/amend", {"terms_toml": terms}, 202)

    propose(27)
    first = pages.show("bloem", PAGE)
    assert "Sign the amendment" in first
    assert "Sign the amendment" not in pages.show("naivasha", PAGE), "who proposes it has signed"
    propose(28)
    refused = pages.send("bloem", f"{PAGE}/do/agree", hidden(first), 412)
    assert CHANGED in refused
    assert "28 Sept 2026" in refused
    assert pages.get("bloem", TRADE)["amendment"] == 4
    pages.send("bloem", f"{PAGE}/do/agree", hidden(refused))
    assert pages.get("bloem", TRADE)["milestones"][1]["deadline"] == "2026-09-28T18:00:00Z"


def test_decision_about_a_milestone_is_refused_when_the_trade_is_another_by_then() -> None:
    pages = Browsing(story.funded())
    seen = hidden(pages.show("bloem", PAGE))
    story.load(pages.world)
    form = {**seen, "reasons": "Wilted"}
    assert CHANGED in pages.send("bloem", f"{PAGE}/milestones/0/do/dispute", form, 412)
    assert CHANGED in pages.send("bloem", f"{PAGE}/milestones/1/do/accept", seen, 412)
    now = {**hidden(pages.show("bloem", PAGE)), "reasons": "Wilted"}
    assert pages.send("bloem", f"{PAGE}/milestones/0/do/dispute", now).endswith("done=sent")


def test_hostile_tag_is_of_nothing_when_a_form_brings_one() -> None:
    pages = drafted()
    for tag in ('"ü"', "*", 'a"\r\nX: y', '"a", *'):
        assert CHANGED in pages.send("naivasha", f"{PAGE}/do/sign", {"once": "é", "seen": tag}, 412)
    assert pages.send("naivasha", f"{PAGE}/do/sign", {"once": "é"}).endswith("done=signed")


def test_trade_says_why_it_waits_when_others_have_to_act() -> None:
    pages = Browsing(story.funded())
    shown = pages.show("naivasha", PAGE)
    assert "This trade waits for:" in shown
    name = pages.world["bank-ke"].trades.desk.participants.directory.institution("carrier").name
    assert name != "carrier"
    assert f"<strong>{name}</strong>: attest: loaded" in shown
    assert "They attest it themselves" in shown


def test_rate_stands_in_a_table_beside_its_chart_when_it_floats() -> None:
    world = rated.funded(rated.float_terms(5_000), later="140")
    story.load(world)
    rated.wait_until_final(world)
    story.wait_a_day(world)
    pages = Browsing(world)
    shown = pages.show("bloem", PAGE)
    table = shown.partition("Figures of the rate")[2].partition("</table>")[0]
    for figure in ("150.000000", "145.500000 – 154.500000", "1 repriced", "2 settled · Milestone 1", "140.000000"):
        assert figure in table
    assert f'src="{PAGE}/rate.svg"' in shown
    drawn = pages.hand_out("bloem", f"{PAGE}/rate.svg")
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert ElementTree.fromstring(drawn.content).tag.endswith("svg")


def test_papers_are_handed_out_to_the_parties_alone() -> None:
    pages = Browsing(story.funded())
    shown = pages.show("naivasha", PAGE)
    papers = pages.get("naivasha", f"{TRADE}/documents")
    assert papers
    for paper in papers:
        path = f"{PAGE}/documents/{paper['sha256']}"
        assert path in shown
        assert "attachment" in pages.hand_out("naivasha", path).headers["content-disposition"]
        pages.show("vanrijn", path, 404)
        pages.show("inspector", path, 404)
    for path in ("/summary.pdf", "/cover.pdf", "/evidence", "/rate.svg", "/messages/1"):
        pages.show("inspector", f"{PAGE}{path}", 404)
    assert f"{PAGE}/cover.pdf" not in shown, "there is evidence once it is closed"


def test_settlement_times_are_shown_to_staff_alone() -> None:
    pages = Browsing(story.funded())
    assert "Nothing was settled yet." in pages.show("bank-nl", "/settlement-times")
    pages.show("bloem", "/settlement-times", 403)
    story.load(pages.world)
    story.wait_a_day(pages.world)
    shown = pages.show("bank-nl", "/settlement-times")
    times = pages.get("bank-nl", "/v1/settlement-times")
    assert times["milestones"] >= 1
    assert 'src="/settlement-times.svg"' in shown
    assert "/settlement-times" in pages.show("bank-nl", "/trades")
    assert "/settlement-times" not in pages.show("bloem", "/trades")


HOSTILE = "\"'></title></textarea></script><img src=x onerror=w()><script>w()</script>{{7*7}}"
FIELDS = (
    *("reference", "goods", "incoterms", "shipment.references", "invoice.number", "invoice.amount", "fund_by"),
    *("importer.customer", "importer.name", "importer.address.town", "exporter.name", "arbiter", "side"),
    *("funding.float.band_bps", "milestones.0.weight_bps", "milestones.0.place", "milestones.0.quorum"),
    *("payees.0.name", "payees.0.customer", "payees.0.share_bps", "windows.dispute_s", "hold_expires"),
)


def assert_harmless(page: str) -> None:
    assert "<script>w" not in page
    assert "<img src=x" not in page
    assert "&lt;/title&gt;" in page, "it is shown, as text"


def test_hostile_text_is_text_when_it_stands_in_every_field_of_a_draft() -> None:
    pages = drafted()
    form = dict.fromkeys(FIELDS, HOSTILE)
    for path in ("/trades/new", f"{PAGE}/counter", f"{PAGE}/amend"):
        assert_harmless(pages.send("naivasha", path, {**form, "add": "payee"}, 200))
    assert_harmless(pages.send("naivasha", "/trades/new", form, 422))


def test_hostile_text_is_text_when_it_stands_in_a_dispute_and_its_award() -> None:
    pages = Browsing(loaded(), arbiter_pages.router)
    disputed = {**hidden(pages.show("bloem", PAGE)), "reasons": HOSTILE}
    pages.send("bloem", f"{PAGE}/milestones/0/do/dispute", disputed)
    (case,) = pages.get("arbiter", "/v1/disputes")
    address = f"/disputes/{case['dispute']}"
    assert address in pages.show("arbiter", "/disputes")
    assert_harmless(pages.show("arbiter", address))
    assert_harmless(pages.send("arbiter", f"{address}/award", {"share_bps": HOSTILE, "reasons": HOSTILE}, 422))
    pages.send("arbiter", f"{address}/award", {"share_bps": "50", "reasons": HOSTILE})
    for who, path in (("bloem", PAGE), ("naivasha", PAGE), ("arbiter", address)):
        assert_harmless(pages.show(who, path))
    for who in ("inspector", "vanrijn"):
        pages.show(who, address, 403)


def test_hostile_text_is_text_when_it_stands_in_a_form_about_a_milestone() -> None:
    pages = Browsing(story.funded())
    for form in ({"amount": HOSTILE}, {"deadline": HOSTILE}):
        name = "waive" if "amount" in form else "defer"
        assert_harmless(pages.send("naivasha", f"{PAGE}/milestones/0/do/{name}", form, 422))
