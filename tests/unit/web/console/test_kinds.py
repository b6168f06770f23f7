"""Kinds of events as choices of a form."""

from node.web.console.forms import Form
from node.web.console.kinds import LABELS, chosen_kinds, kind_choices
from node.web.console.languages import speech


def test_kinds_come_back_when_they_are_ticked() -> None:
    chosen = ["trade", "message.dead"]
    shown = kind_choices(chosen)
    assert [kind for kind, _, is_chosen in shown if is_chosen] == chosen
    assert {kind for kind, _, _ in shown} == {*LABELS, "message.dead"}
    assert chosen_kinds(Form({"kind-trade": "on", "kind-message.dead": "on", "url": "x"}, {})) == chosen


def test_every_label_is_told_in_every_language() -> None:
    for code in ("nl", "sw"):
        for label in LABELS.values():
            assert label in ("Webhooks",) or speech(code).text(label) != label
