"""Charts say in words and a table what they show, and never more points than they have room for."""

from datetime import UTC, datetime

import defusedxml.ElementTree as ElementTree
import pytest

from node.printing.charts import Bar, BarChart, LineChart, Mark, Series, Table, figure, svg, thinned
from node.printing.languages import speech
from node.printing.limits import POINTS_MAX

SVG = "{http://www.w3.org/2000/svg}"
HTML = "<script>alert('x')</script>&\""
START_S = int(datetime(2026, 8, 1, tzinfo=UTC).timestamp())
TABLE = Table(("What", "Rate"), [("Agreed", "150.00"), (HTML, "1")])


def line_chart(points: list[tuple[int, float]], marks: tuple[Mark, ...] = (), name: str = "Rate") -> LineChart:
    return LineChart(
        title=f"Title {name}",
        description=f"Told {name}",
        series=[Series(name, points)],
        table=TABLE,
        write=lambda value: f"{value:.1f}",
        band=("Band", 145.0, 155.0),
        marks=marks,
    )


def bar_chart(name: str = "EUR") -> BarChart:
    return BarChart("Title", "Told", ("Available", "Held"), [Bar(name, (0.75, 0.25), "10.00 EUR")], TABLE)


def test_chart_has_title_and_description_when_it_is_drawn() -> None:
    for chart in (line_chart([(START_S, 150.0), (START_S + 86_400, 160.0)]), bar_chart()):
        root = ElementTree.fromstring(svg(chart, speech("en")))
        assert (root.get("role"), root.get("lang")) == ("img", "en")
        assert (root[0].tag, root[0].text, root[1].tag, root[1].text) == (
            f"{SVG}title",
            chart.title,
            f"{SVG}desc",
            chart.description,
        )


def test_line_goes_up_when_values_rise_and_stays_in_the_drawing() -> None:
    root = ElementTree.fromstring(svg(line_chart([(START_S, 150.0), (START_S + 86_400, 160.0)]), speech("nl")))
    first, last = str(root.find(f"{SVG}polyline").get("points")).split()
    (x1, y1), (x2, y2) = ([float(part) for part in point.split(",")] for point in (first, last))
    assert 0 < x1 < x2 < 720
    assert 280 > y1 > y2 > 0
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"1 aug 2026", "2 aug 2026", "Rate", "Band"} <= set(texts)


def test_marks_are_numbered_as_in_their_table_when_there_are_some() -> None:
    marks = (Mark("repriced", START_S, 150.0), Mark("settled", START_S + 50, 149.0))
    root = ElementTree.fromstring(svg(line_chart([(START_S, 150.0), (START_S + 60, 150.0)], marks), speech("en")))
    assert len(root.findall(f"{SVG}circle")) == 2
    assert [text.text for text in root.iter(f"{SVG}text")].count("2") == 1


@pytest.mark.parametrize("points", [[], [(START_S, 150.0)], [(START_S, 0.0), (START_S, 0.0)]])
def test_chart_is_drawn_when_there_are_few_points_or_none(points: list[tuple[int, float]]) -> None:
    chart = LineChart("Title", "Told", [Series("Rate", points)], TABLE, str)
    root = ElementTree.fromstring(svg(chart, speech("en")))
    assert ("There is nothing to show yet." in [one.text for one in root.iter(f"{SVG}text")]) is (not points)


def test_parts_of_a_bar_are_as_long_as_their_shares() -> None:
    root = ElementTree.fromstring(svg(bar_chart(), speech("en")))
    whole, available, held = [float(str(one.get("width"))) for one in root.findall(f"{SVG}rect")[1:4]]
    assert (available, held) == (whole * 0.75, whole * 0.25)


def test_names_are_text_when_somebody_wrote_markup_in_them() -> None:
    for chart in (line_chart([(START_S, 1.0), (START_S + 1, 2.0)], name=HTML), bar_chart(HTML)):
        page = figure(chart, speech("en"))
        assert "<script" not in page
        assert HTML in [one.text for one in ElementTree.fromstring(f"<p>{page}</p>").iter()]


def test_figure_has_every_figure_in_its_table() -> None:
    root = ElementTree.fromstring(f"<p>{figure(bar_chart(), speech('en'))}</p>")
    assert [cell.text for cell in root.iter("td")] == ["150.00", "1"]
    assert [(cell.get("scope"), cell.text) for cell in root.iter("th")][:3] == [
        ("col", "What"),
        ("col", "Rate"),
        ("row", "Agreed"),
    ]


def test_points_are_thinned_when_there_are_more_than_fit() -> None:
    many = [(number, float(number)) for number in range(POINTS_MAX + 1)]
    assert thinned(many[:-1]) == many[:-1]
    found = thinned(many)
    assert (len(found), found[0], found[-1]) == (POINTS_MAX, many[0], many[-1])
