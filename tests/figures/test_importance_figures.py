"""Pictures and words of an analysis of laboratory values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from raise_core.domain.importance_results import LabWhatIf
from raise_core.domain.importance_settings import ImportanceModel, ImportanceSettings
from raise_core.evaluation.lab_importance import lab_importance
from raise_core.figures import importance_words, lab_forest, lab_waterfall
from raise_core.figures.identity import LABS
from raise_core.figures.importance_bars import importance_figure
from raise_core.figures.importance_by_week import by_week_figure, by_week_note, by_week_words
from raise_core.figures.importance_tables import COLUMNS, explanations_frame, importance_table
from raise_core.figures.lab_beeswarm import beeswarm_alternative, beeswarm_figure
from raise_core.figures.lab_dependence import dependence_figure
from raise_core.figures.lab_what_if import what_if_figure, what_if_words
from raise_core.figures.table_export import Origin
from tests.evaluation.lab_cohort import cohort_of, normal_labs

N = 120
ORIGIN = Origin("made", "Made for tests", "0" * 64, "", simulated=True, patients=N)


@pytest.fixture(scope="module")
def report():
    labs = normal_labs(N, 4)
    labs["CGA"] = np.exp(labs["L0"] - 5)
    labs["CGA"][::9] = np.nan
    labs["SAME"] = np.full(N, 3.0)
    source = cohort_of(labs, 1.2 * (labs.pop("L0") - 10))
    return lab_importance(source, ImportanceSettings(model=ImportanceModel.COX, repeats=2, permutations=4))


def test_the_bars_begin_with_noise_and_fill_what_is_seen(report):
    figure = importance_figure(report)
    names = list(figure.layout.yaxis.ticktext)
    assert names[0] == importance_words.NOISE_NAME
    assert names[1:] == [importance_words.lab_name(lab.lab) for lab in report.used] + [
        " + ".join(importance_words.lab_name(lab) for lab in group.labs) for group in report.groups
    ]
    colours = figure.data[0].marker.color[1 : 1 + len(report.used)]
    assert [colour == LABS for colour in colours] == [lab.is_seen for lab in report.used]
    assert figure.data[0].x[1] == report.used[0].drop.importance
    assert any(shape.type == "rect" and shape.x0 == report.noise.ci_low for shape in figure.layout.shapes)


def test_the_headline_names_the_first_or_says_none(report):
    first = report.used[0]
    said = importance_words.headline(report)
    assert said.startswith(f"{importance_words.lab_name(first.lab)} matters most at baseline: shuffling it costs 0.")
    assert f"{report.n} patients, {report.events} progressions or deaths" in said
    nothing = replace(first, above_noise=replace(first.above_noise, ci_low=-0.1))
    none = replace(report, labs=(nothing, *[replace(lab, above_noise=nothing.above_noise) for lab in report.labs[1:]]))
    assert "can be told from noise; the largest cost" in importance_words.headline(replace(none, groups=()))


def test_the_forest_has_two_marks_a_value(report):
    figure = lab_forest.lab_forest_figure(report, per_doubling=False)
    alone, adjusted = figure.data
    assert len(alone.x) == len(adjusted.x) == len(report.used)
    assert list(alone.x) == [lab.effects.per_sd.hr for lab in report.used]
    double = lab_forest.lab_forest_figure(report, per_doubling=True)
    assert len(double.data[0].x) == sum(lab.effects.per_doubling.hr is not None for lab in report.used)
    assert "higher CgA (HR" in lab_forest.forest_words(report)


def test_a_waterfall_reaches_the_prediction(report):
    patient = report.explanations.patient_ids[4]
    steps = lab_waterfall.waterfall_steps(report, patient)
    row = report.explanations.row(patient)
    total = report.explanations.base[row] + sum(value for _, value in steps)
    assert total == pytest.approx(report.explanations.prediction[row])
    figure = lab_waterfall.waterfall_figure(report, patient, theme="dark")
    assert figure.data[0].base[-1] + figure.data[0].x[-1] == pytest.approx(total)
    assert patient in lab_waterfall.waterfall_words(report, patient)


def test_the_beeswarm_has_every_patient_in_every_row(report):
    figure = beeswarm_figure(report, patient_id=report.explanations.patient_ids[0])
    dots = sum(len(trace.x) for trace in figure.data if trace.customdata is not None)
    assert dots == report.explanations.shap.size
    assert "Random numbers" in figure.layout.yaxis.ticktext[-1]
    assert beeswarm_alternative(report).startswith("Mean size of the SHAP values of")


def test_dependence_marks_the_patient_and_uses_a_log_axis_for_a_log_value(report):
    row = int(np.flatnonzero(~np.isnan(report.explanations.values[:, report.explanations.labs.index("CGA")]))[0])
    patient = report.explanations.patient_ids[row]
    figure = dependence_figure(report, "CGA", patient_id=patient)
    assert figure.layout.xaxis.type == figure.layout.xaxis2.type == "log"
    assert len(figure.data) == len(dependence_figure(report, "CGA").data) + 3
    assert dependence_figure(report, "L1").layout.xaxis.type is None


def test_the_heat_map_stars_what_is_seen(report):
    later = replace(report, settings=report.settings.at_week(12), labs=report.labs[1:])
    figure = by_week_figure([report, later])
    assert np.shape(figure.data[0].z) == (len(report.used), 2)
    starred = [note.text for note in figure.layout.annotations if "*" in note.text]
    assert len(starred) == len(report.seen) + len(later.seen)
    assert by_week_words([report, later]).startswith("Told from noise: ")
    assert "snapshot 00000000" in by_week_note([report])


def test_what_if_is_said_and_drawn(report):
    found = report.explanations
    patient = found.patient_ids[1]
    measured = float(found.prediction[1])
    place = found.labs.index("CGA")
    answer = LabWhatIf(patient, {"CGA": 200.0}, "CGA", 200.0, measured + 0.5, measured, found.ice[1, place])
    assert "CgA 200 U/L instead of" in what_if_words(report, answer)
    assert what_if_words(report, replace(answer, moved={})).startswith(f"{patient} as measured: ")
    figure = what_if_figure(report, answer)
    assert figure.data[-1].x == (200.0,)
    assert figure.data[-1].y == (measured + 0.5,)


def test_the_table_lists_every_value_with_its_reason(report):
    table = importance_table(report, ORIGIN)
    assert table.columns == COLUMNS
    named = [row.cells[0] for row in table.rows]
    assert "SAME" in named
    assert importance_words.NOISE_NAME in named
    assert any("SAME was not used: the same value in everybody" in note for note in table.notes)
    frame = explanations_frame(report)
    assert len(frame) == report.n
    shares = frame[[name for name in frame if name.endswith(" SHAP")]].sum(axis=1)
    np.testing.assert_allclose(shares + frame["average_prediction"], frame["prediction"], atol=1e-9)
