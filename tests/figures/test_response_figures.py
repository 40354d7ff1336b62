"""Waterfall, spider, swimmer and growth rate: what is drawn is what was read, and every mark names its patient."""

from __future__ import annotations

import numpy as np
import pytest

from raise_core.domain.recist import RecistVersion, Response
from raise_core.domain.response_results import Lane, ResponseSettings
from raise_core.domain.time_unit import WEEKS_PER_MONTH, TimeUnit
from raise_core.evaluation.growth_change import growth_change
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.evaluation.response import cohort_response, lanes, visit_responses
from raise_core.figures import response_tables, response_words
from raise_core.figures.arm_marks import arm_marks
from raise_core.figures.growth_rate import growth_figure
from raise_core.figures.spider import MOST_LINES, lines_of, spider_figure
from raise_core.figures.swimmer import LONGEST, RESPONDERS, SHORTEST, SPREAD, choose_lanes, swimmer_figure
from raise_core.figures.table_export import Origin
from raise_core.figures.waterfall import bars_of, waterfall_figure
from tests.evaluation.small_cohort import make_cohort, two_arms

MARKS = arm_marks(["Drug", "Placebo"], reference="Placebo")
ORIGIN = Origin("s", "A study", "0123456789abcdef", "", simulated=True, patients=12)
WEEKS, MONTHS = TimeUnit.WEEKS, TimeUnit.MONTHS


def source(n: int = 12) -> MarkerSource:
    """Targets that shrink or grow by 10 % a visit in turn; the last patient is seen once."""
    rows = [
        (f"p{i:03d}", week, "T1", 50.0 * (1 + (0.1 if i % 3 else -0.2) * visit), "liver")
        for i in range(n)
        for visit, week in enumerate((0, 12, 24))
        if i < n - 1 or week == 0
    ]
    outcomes = [(f"p{i:03d}", 20.0 + i, i % 2 == 0) for i in range(n)]
    return MarkerSource(make_cohort(two_arms(n), lesions=rows, outcomes=outcomes))


def read(n: int = 12, **settings):
    return cohort_response(source(n), ResponseSettings(**settings))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("by_response", [False, True])
def test_every_bar_is_a_patients_best_change_sorted_from_growth_to_shrinkage(theme, by_response):
    found = read()
    figure = waterfall_figure(found, marks=MARKS, by_response=by_response, theme=theme)
    drawn = {
        who[0]: (place, height)
        for trace in figure.data
        for place, height, who in zip(trace.x, trace.y, trace.customdata, strict=True)
    }
    bars = bars_of(found)
    assert len(drawn) == 11
    assert sorted(drawn, key=lambda who: drawn[who][0]) == bars["patient_id"].tolist()
    assert [drawn[who][1] for who in bars["patient_id"]] == pytest.approx(bars["best_change_percent"].tolist())
    assert np.all(np.diff(bars["best_change_percent"]) <= 0)
    names = {trace.name for trace in figure.data}
    assert names == ({"Partial response (PR)", "Stable disease (SD)"} if by_response else {"Drug", "Placebo"})
    patterns = [trace.marker.pattern.shape or "" for trace in figure.data]
    assert len(set(patterns)) == len(patterns), "colour never stands alone"
    assert {shape.y0 for shape in figure.layout.shapes} == {-30.0, 20.0}


def test_the_words_count_who_is_drawn_and_who_is_not():
    found = read()
    assert "11 patients drawn; 1 without a visit after baseline" in response_words.waterfall_footnote(
        found, ORIGIN, WEEKS
    )
    headline = response_words.waterfall_headline(found)
    assert "in 4 of 11 patients measured again, by 30 % or more in 4" in headline
    assert "33 % (95 % CI 4–78 %; 2 of 6) in Drug" in headline
    assert "target and new lesions" in response_words.criteria(found, WEEKS)
    confirmed = response_words.criteria(read(confirm=True, version=RecistVersion.V1_1), MONTHS)
    assert "at least 0.9 months later" in confirmed
    assert "20 % and 5 mm" in confirmed


@pytest.mark.parametrize("unit", [WEEKS, MONTHS])
def test_every_line_is_a_patient_over_time(unit):
    found = read()
    figure = spider_figure(found, marks=MARKS, unit=unit, highlight="p003")
    drug = next(trace for trace in figure.data if trace.name == "Drug")
    points = [(x, y) for x, y, who in zip(drug.x, drug.y, drug.customdata, strict=True) if who[0] == "p000"]
    assert [y for _, y in points] == pytest.approx([0.0, -20.0, -40.0])
    per_unit = 1.0 if unit is WEEKS else WEEKS_PER_MONTH
    assert [x for x, _ in points] == pytest.approx([0.0, 12.0 / per_unit, 24.0 / per_unit])
    thick = next(trace for trace in figure.data if trace.name == "p003")
    assert thick.line.width > drug.line.width
    assert figure.layout.xaxis.title.text == f"Visit ({unit.value} from randomisation)"


def test_of_many_lines_an_even_choice_is_drawn_and_said():
    found = read(MOST_LINES + 100)
    points, total = lines_of(found)
    assert (points["patient_id"].nunique(), total) == (MOST_LINES, MOST_LINES + 99)
    assert f"{MOST_LINES} of {MOST_LINES + 99} patients" in response_words.spider_footnote(found, ORIGIN, WEEKS)


def test_the_bars_of_the_swimmer_end_with_the_endpoint():
    found = read()
    everybody = lanes(source(), found, "PFS")
    figure = swimmer_figure(choose_lanes(everybody, SPREAD), marks=MARKS)
    bars = {who: x for trace in figure.data if trace.type == "bar" for who, x in zip(trace.y, trace.x, strict=True)}
    assert bars == {f"p{i:03d}": 20.0 + i for i in range(12)}
    assert list(figure.layout.yaxis.categoryarray)[-1] == "p011", "longest on top"
    censored = next(trace for trace in figure.data if trace.name == "Censored")
    assert set(censored.y) == {f"p{i:03d}" for i in range(1, 12, 2)}
    note = response_words.swimmer_footnote(
        found, everybody, shown=12, chosen=SPREAD, endpoint="PFS", origin=ORIGIN, unit=WEEKS
    )
    assert "12 of 12 patients shown. Bars end at the event (6)" in note


def test_of_many_lanes_those_asked_for_are_drawn():
    def lane(i: int) -> Lane:
        responded = i % 10 == 0
        return Lane(
            f"p{i:03d}", "Drug", Response.PARTIAL if responded else Response.STABLE, float(i + 1), True,
            (1.0, 2.0) if responded else None, None, None, None,
        )  # fmt: skip

    everybody = [lane(i) for i in range(200)]
    ends = {
        which: [found.end_week for found in choose_lanes(everybody, which)] for which in (LONGEST, SHORTEST, SPREAD)
    }
    assert ends[LONGEST] == sorted(range(161, 201), reverse=True)
    assert ends[SHORTEST] == sorted(range(1, 41), reverse=True)
    assert (ends[SPREAD][0], ends[SPREAD][-1], len(ends[SPREAD])) == (200, 1, 40)
    assert len(choose_lanes(everybody, RESPONDERS)) == 20
    assert choose_lanes(everybody[1:9], RESPONDERS) == ()


def test_growth_rates_stand_before_beside_during():
    rows = [
        (f"p{i:03d}", week, "T1", 20.0 + (week + 12) * 0.1 * (i + 1), "liver")
        for i in range(6)
        for week in (-12, 0, 12)
    ]
    found = growth_change(MarkerSource(make_cohort(two_arms(6), lesions=rows)), 12.0)
    figure, beyond = growth_figure(found, marks=MARKS)
    named = [trace.name for trace in figure.data if trace.mode == "markers"]
    assert named == ["Drug, before", "Drug, week 12", "Placebo, before", "Placebo, week 12"]
    assert beyond == 0
    assert "Drug +" in response_words.growth_headline(found, WEEKS)


def test_tables_add_up():
    found = read()
    table = response_tables.best_response_table(found, ORIGIN, unit=WEEKS)
    assert [row.cells[0] for row in table.rows][-2:] == [response_tables.OBJECTIVE_RATE, response_tables.CONTROL_RATE]
    for place, arm in enumerate(found.arms, start=1):
        assert sum(int(str(row.cells[place]).split(" ")[0]) for row in table.rows[:5]) == arm.n
    counted = visit_responses(found, [12.0, 24.0, 72.0])
    visits = response_tables.visit_response_table(counted, found, ORIGIN, unit=WEEKS)
    assert [row.cells[:2] for row in visits.rows] == [
        ("Week 12, Drug", 6), ("Week 12, Placebo", 5), ("Week 24, Drug", 6), ("Week 24, Placebo", 5),
    ]  # fmt: skip
    assert len(response_tables.patients_download(found, ORIGIN)) == 12
    told = response_tables.visits_download(found, ORIGIN)
    assert (told["data"] == "Simulated data").all()
    assert len(told) == 34
