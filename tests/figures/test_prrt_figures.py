"""Figures, words and tables of the PRRT models: what is drawn and said, and that nothing missing is hidden."""

from __future__ import annotations

import numpy as np
import pytest

from raise_core.domain.class_results import ClassReport, Measure
from raise_core.domain.results import Provenance
from raise_core.domain.week import WEEKS_PER_YEAR
from raise_core.evaluation.class_bootstrap import class_estimate
from raise_core.evaluation.class_calibration import class_calibration
from raise_core.evaluation.class_comparison import compare_models
from raise_core.evaluation.class_curves import class_curves
from raise_core.evaluation.class_threshold import confusion, pooled_score
from raise_core.figures import prrt_tables, prrt_words
from raise_core.figures.fusion_marks import LONG, fusion_in_sentence, fusion_mark, fusion_name
from raise_core.figures.identity import LABS, TEXT
from raise_core.figures.prrt_bars import prrt_bars
from raise_core.figures.prrt_calibration import prrt_calibration
from raise_core.figures.prrt_curves import prrt_curves
from raise_core.figures.prrt_threshold import prrt_threshold
from raise_core.figures.table_export import to_csv
from raise_core.studies.prrt_protocol import PUBLISHED, SOURCE
from tests.evaluation.class_case import folds_of, outcome_of, output_of

BEST, COX = "pet+ct-pretrained+lab", "cox:pet+ct"
MODELS = {"lab": 0.5, "pet": -0.2, BEST: 1.5, COX: 0.8}


def made(*, simulated=True, censored=0, cohort_words=""):
    rng = np.random.default_rng(7)
    outcome = outcome_of(rng, censored=censored)
    fold = folds_of(rng, outcome.time_weeks > WEEKS_PER_YEAR, repeats=3)
    outputs = [output_of(rng, outcome, model=model, signal=signal, fold=fold) for model, signal in MODELS.items()]
    how = {"horizon_weeks": WEEKS_PER_YEAR, "folds": 3}
    estimates = tuple(class_estimate(one, outcome, bootstraps=100, **how) for one in outputs)
    scores = {one.model: one.by_fold for one in estimates}
    pairs = tuple(pair for measure in Measure for pair in compare_models(outputs, scores, folds=3, measure=measure))
    report = ClassReport(
        estimates, pairs, tuple(class_curves(one, outcome, **how) for one in outputs), "PFS", WEEKS_PER_YEAR, 100,
        {"no PET": 4}, 120,
        Provenance("petct", "PET/CT", "abcdef0123456789", simulated, run_id="0123456789ab", cohort_words=cohort_words),
    )  # fmt: skip
    return report, outputs, outcome


@pytest.fixture(scope="module")
def case():
    return made()


@pytest.fixture(scope="module")
def report(case):
    return case[0]


@pytest.mark.parametrize(
    ("text", "name", "spoken"),
    [
        ("lab", "Laboratory values", "laboratory values"),
        ("pet", "PET", "PET"),
        ("pet+ct+lab", "PET + CT + labs", "PET, CT and laboratory values"),
        (BEST, "PET + CT (pretrained) + labs", "PET, CT (pretrained) and laboratory values"),
        (COX, "PET + CT, censoring-aware", "PET and CT (censoring-aware)"),
    ],
)
def test_models_have_plain_names(text, name, spoken):
    assert fusion_name(text) == name
    assert fusion_in_sentence(text) == spoken


def test_inputs_keep_their_colours_and_fusions_are_told_apart_without_colour():
    assert fusion_mark("lab", theme="light").colour == LABS
    fusions = ["pet+ct", "pet+ct+lab", "pet+ct-pretrained", BEST]
    marks = [fusion_mark(text, theme="dark") for text in fusions]
    assert {mark.colour for mark in marks} == {TEXT["dark"]}
    assert len({mark.dash for mark in marks}) == len({mark.symbol for mark in marks}) == 4
    assert fusion_mark(COX, theme="light").symbol.endswith("-open")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_bars_are_the_means_with_both_uncertainties_and_chance(report, theme):
    figure = prrt_bars(report, published=PUBLISHED, source=SOURCE, theme=theme)
    bars = [trace for trace in figure.data if trace.name in {"AUROC", "AUPRC"}]
    assert [list(trace.x) for trace in bars] == [
        [one.score(measure).value for one in reversed(report.estimates)] for measure in Measure
    ]
    spread = next(trace for trace in figure.data if trace.name == "± sd over repeats")
    first = report.estimates[-1].auroc
    assert spread.x[0] == pytest.approx(2 * first.sd)
    assert spread.base[0] == pytest.approx(first.value - first.sd)
    whisker = next(trace for trace in figure.data if trace.name.startswith("95 % interval"))
    assert whisker.x[0] + whisker.error_x.array[0] == pytest.approx(first.ci_high)
    assert whisker.x[0] - whisker.error_x.arrayminus[0] == pytest.approx(first.ci_low)
    said = " ".join(annotation.text for annotation in figure.layout.annotations)
    for words in ("chance 0.50", "share of long 0.64", "random order 0.67", "Simulated data"):
        assert words in said
    for one in report.estimates:
        assert f"<b>{one.auroc.value:.2f}</b>" in said


def test_published_values_are_hollow_and_only_where_the_model_is_drawn(report):
    figure = prrt_bars(report, published=PUBLISHED, source=SOURCE)
    hollow = [trace for trace in figure.data if trace.name.startswith("as published")]
    assert [list(trace.x) for trace in hollow] == [[0.59, 0.42, 0.72], [0.80]]
    assert {trace.marker.color for trace in hollow} == {"rgba(0,0,0,0)"}
    assert not [trace for trace in prrt_bars(report).data if trace.name.startswith("as published")]


def test_curves_show_mean_band_and_each_fold_on_demand(report):
    figure = prrt_curves(report, ("lab", BEST))
    lines = [trace for trace in figure.data if trace.name.startswith(fusion_name(BEST)) and trace.showlegend]
    assert len(lines) == 1
    np.testing.assert_allclose(lines[0].y, 100 * report.curves_of(BEST).roc.mean)
    assert not any("each fold" in trace.name for trace in figure.data)
    every = prrt_curves(report, (BEST,), each_fold=True)
    thin = [trace for trace in every.data if "each fold" in trace.name]
    assert [int(np.isnan(trace.y).sum()) for trace in thin] == [9, 9]


def test_threshold_figure_counts_everybody(case):
    report, outputs, outcome = case
    score, long = pooled_score(outputs[2]), outcome.time_weeks > WEEKS_PER_YEAR
    found = confusion(score, long, threshold=0.5)
    figure = prrt_threshold(found, score, long, is_probability=True, simulated=True)
    counts = next(trace for trace in figure.data if trace.name == "counts")
    assert sum(int(text.split("</b>")[0].removeprefix("<b>")) for text in counts.text) == 116
    bars = {trace.name: trace for trace in figure.data if trace.type == "bar"}
    assert sum(bars["Truly long"].y) == 74
    assert bars["Truly long"].marker.color == LONG
    hazard = confusion(pooled_score(outputs[3]), long, threshold=0.0)
    other = prrt_threshold(hazard, pooled_score(outputs[3]), long, is_probability=False, simulated=False)
    assert "hazard" in other.layout.xaxis2.title.text
    table = prrt_tables.confusion_table(report, found, BEST, is_probability=True)
    assert table.rows[0].cells[1] == f"{found.long_called_long} of 74"


def test_calibration_draws_bins_smooth_and_every_prediction(case):
    _, outputs, outcome = case
    long = outcome.time_weeks > WEEKS_PER_YEAR
    found = class_calibration(pooled_score(outputs[2]), long, model=BEST, bootstraps=50)
    figure = prrt_calibration(found, simulated=True)
    points = next(trace for trace in figure.data if trace.mode == "markers+text")
    assert list(points.y) == [100 * one.observed.value for one in found.bins]
    assert sum(next(trace for trace in figure.data if trace.type == "bar").y) == 116
    words = prrt_words.calibration_sentence(found)
    assert f"{found.brier.value:.3f}" in words
    assert "116 patients, 74 long" in words


def test_words_name_numbers_chance_and_uncertainty(report):
    best = report.estimate(BEST).auroc
    said = prrt_words.headline(report, BEST)
    assert f"{100 * best.value:.0f} are ranked rightly by PET, CT (pretrained) and laboratory values" in said
    assert f"95 % CI {100 * best.ci_low:.0f}–{100 * best.ci_high:.0f}; 74 and 42 patients" in said
    assert "difference" in said
    note = prrt_words.footnote(report)
    for words in ("116 patients, 74 long, 42 short", "3-fold", "100 resamples", "abcdef01", "run 01234567"):
        assert words in note
    assert prrt_words.left_out(report) == "4 of 120 patients are in no classifier: no PET (4)."
    at_chance = [one.model for one in report.estimates if one.auroc.ci_low <= 0.5 <= one.auroc.ci_high]
    said = [sentence for sentence in prrt_words.warnings(report) if "holds 0.5" in sentence]
    assert len(said) == bool(at_chance)
    assert all(fusion_name(model) in said[0] for model in at_chance)
    assert f"AUROC {best.value:.2f}" in prrt_words.text_alternative(report)


def test_a_filter_is_said_to_leave_the_predictions_alone():
    report, _, _ = made(cohort_words="Women: 50 of 120")
    assert "predictions stay those of the run on the whole cohort" in prrt_words.footnote(report)


def test_tables_hold_every_model_and_every_pair_that_was_compared(report):
    scores = prrt_tables.scores_table(report)
    assert [row.cells[0] for row in scores.rows] == [fusion_name(model) for model in MODELS]
    assert scores.columns[-1].startswith("Harrell")
    pairs = prrt_tables.comparisons_table(report, Measure.AUPRC)
    assert len(pairs.rows) == 6
    assert b"Simulated data" in to_csv(scores)
    full = prrt_tables.scores_download(report)
    assert len(full) == 2 * len(MODELS)
    assert set(full["simulated"]) == {"yes"}
    folds = prrt_tables.folds_download(report)
    assert len(folds) == 9 * len(MODELS)
    np.testing.assert_allclose(folds[folds["model"] == BEST]["auroc"], report.estimate(BEST).by_fold.auroc.ravel())
    assert [row.cells for row in prrt_tables.excluded_table(report).rows][-1] == ("All patients looked at", 120)
