"""Forms about a trade become what the API takes."""

import pytest

from node.trades.pages.acting import OF_MILESTONE
from node.trades.rest.acting_schemas import DeferIn
from node.web.console.errors import FormFieldError
from node.web.console.forms import Form


def test_deadline_is_one_the_api_takes_when_a_form_defers_it() -> None:
    order = OF_MILESTONE["defer"].fill(Form({"deadline": "2026-08-17T09:30"}, {}), "KES")
    assert order == {"deadline": "2026-08-17T09:30:00Z"}
    assert DeferIn.model_validate(order).deadline_s == 1_786_959_000


@pytest.mark.parametrize("written", ["", "soon", "2026-13-01T00:00"])
def test_deadline_is_refused_beside_its_field_when_it_is_no_time(written: str) -> None:
    with pytest.raises(FormFieldError, match="deadline: expected a date and time"):
        OF_MILESTONE["defer"].fill(Form({"deadline": written}, {}), "KES")
