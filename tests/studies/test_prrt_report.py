"""What a PRRT run says: counts, scores of a filtered cohort, survival by prediction and its p-value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lifelines.statistics import logrank_test

from raise_core.domain.class_results import OTHER_FOLDS, Measure
from raise_core.domain.cohort_filter import parse_filter
from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.domain.fusion_model import Head
from raise_core.evaluation.cohort_filter import matching, restrict
from raise_core.evaluation.marker_values import MarkerSource
from raise_core.studies import prrt_report
from raise_core.studies.opening import open_study
from raise_core.studies.prrt_runs import load_prrt_run, newest_prrt_run
from tests.studies.prrt_case import CENSORED, NO_PET, STUDY, make_home, run_of, settings_of, tables

BEST, COX = "pet+ct-pretrained+lab", "cox:pet+ct-pretrained+lab"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The imported patients and their run, as read back from the store."""
    home = make_home(tmp_path_factory.mktemp("prrt"))
    source = open_study(home, STUDY)
    run = load_prrt_run(home, newest_prrt_run(home, STUDY, source.cohort.study.snapshot_id).run_id)
    return source, run


@pytest.fixture(scope="module")
def report(study):
    source, run = study
    return prrt_report.class_report(run, source, bootstraps=200)


def filtered(source, text):
    chosen = parse_filter(text)
    return MarkerSource(restrict(source.cohort, matching(source, chosen).patient_ids, chosen=chosen))


def test_counts_add_up_to_the_study(study, report):
    source, run = study
    assert report.models == run.summary.settings.models
    classifier = report.estimate("lab")
    assert (classifier.n, classifier.n_long, classifier.n_short) == (116, 74, 42)
    assert report.excluded == {CENSORED: 6, NO_PET: 4}
    assert classifier.n + sum(report.excluded.values()) == report.n_study == len(source.patient_ids)
    assert report.estimate(COX).n_all == 122
    assert report.provenance.run_id == run.summary.run_id


def test_planted_signal_is_ordered_and_noise_lies_at_chance(report):
    assert report.estimate(BEST).auroc.value > report.estimate("lab").auroc.value > 0.6
    noise = report.estimate("pet").auroc
    assert noise.ci_low < 0.5 < noise.ci_high
    assert report.estimate(COX).concordance.value > 0.6
    assert (report.estimate("lab").repeats, report.estimate(BEST).repeats) == (10, 3)


def test_every_pair_is_compared_by_both_measures_where_patients_and_folds_agree(report):
    for measure in Measure:
        pairs = [one for one in report.comparisons if one.measure is measure]
        assert len(pairs) == 28
        apart = [one for one in pairs if one.reason == OTHER_FOLDS]
        assert {COX} == {one.model_b for one in apart}
        assert all(one.repeats == 3 for one in pairs if not one.reason)


def test_a_cohort_filter_scores_fewer_patients_with_the_same_predictions(study):
    source, run = study
    women = filtered(source, "sex=F")
    found = prrt_report.class_report(run, women, bootstraps=50)
    everybody = prrt_report.pooled_patients(run, BEST, source)
    chosen = prrt_report.pooled_patients(run, BEST, women)
    known = dict(zip(everybody.patient_ids, everybody.score, strict=True))
    assert 0 < len(chosen.patient_ids) < len(everybody.patient_ids)
    assert [known[patient] for patient in chosen.patient_ids] == chosen.score.tolist()
    assert found.estimate("lab").n == len(chosen.patient_ids)
    assert found.estimate("lab").n + sum(found.excluded.values()) == found.n_study == len(women.patient_ids)
    assert "sex" in found.provenance.cohort_words.lower()


def test_a_filter_that_leaves_nobody_tested_says_so(study):
    source, run = study
    rows = source.cohort.patients[~source.cohort.patients["patient_id"].isin(run.patients[Head.COX].patient_ids)]
    outside = MarkerSource(restrict(source.cohort, rows["patient_id"], chosen=parse_filter("")))
    with pytest.raises(NotInStoreError, match="loosen the filter"):
        prrt_report.class_report(run, outside)
    with pytest.raises(NotInStoreError, match="loosen the filter"):
        prrt_report.pooled_patients(run, BEST, outside)


def test_survival_by_prediction_is_the_log_rank_test_of_lifelines(study):
    source, run = study
    patients = prrt_report.pooled_patients(run, BEST, source)
    found = prrt_report.survival_by_prediction(patients)
    long = patients.score >= 0.5
    expected = logrank_test(
        patients.outcome.time_weeks[long], patients.outcome.time_weeks[~long],
        patients.outcome.event[long], patients.outcome.event[~long],
    )  # fmt: skip
    assert [group.label for group in found.comparison.groups] == ["Predicted long", "Predicted short"]
    assert [group.curve.n for group in found.comparison.groups] == [long.sum(), (~long).sum()]
    assert found.p.value == pytest.approx(expected.p_value)
    assert not found.p.is_adjusted
    assert found.comparison.hazard_ratios[0].reference == "Predicted long"
    assert found.n + sum(found.excluded.values()) == found.n_study


def test_a_moved_threshold_has_an_adjusted_p_value_and_an_extreme_one_none(study):
    source, run = study
    patients = prrt_report.pooled_patients(run, BEST, source)
    scan = prrt_report.scan_of_score(patients)
    moved = prrt_report.survival_by_prediction(patients, threshold=0.6, scan=scan)
    assert moved.p.is_adjusted
    assert moved.p.value >= moved.comparison.log_rank.p
    extreme = prrt_report.survival_by_prediction(patients, threshold=float(np.sort(patients.score)[2]), scan=scan)
    assert extreme.p.value is None
    one_sided = prrt_report.survival_by_prediction(patients, threshold=0.0)
    assert [group.label for group in one_sided.comparison.groups] == ["Predicted long"]
    assert one_sided.p.value is None


def test_censoring_aware_models_are_cut_at_the_average_risk_and_have_no_probabilities(study):
    source, run = study
    patients = prrt_report.pooled_patients(run, COX, source)
    assert patients.fixed_threshold == 0.0
    assert not patients.is_probability
    assert len(patients.patient_ids) == 122
    assert prrt_report.confusion_at(patients, 0.0).n == 116
    with pytest.raises(BadUsageError, match="probabilities"):
        prrt_report.calibration_of(patients)


def test_the_whole_cohort_has_everybody_and_its_share_at_a_year(study):
    source, run = study
    found = prrt_report.survival_of_everybody(run, source)
    assert found.n == len(source.patient_ids)
    assert found.comparison.groups[0].at_horizon.value == pytest.approx(0.65, abs=0.05)


def test_probabilities_give_calibration_and_a_decision_curve(study):
    source, run = study
    patients = prrt_report.pooled_patients(run, BEST, source)
    assert prrt_report.calibration_of(patients).n == 116
    curve = prrt_report.decision_of(patients)
    at = int(np.argmin(abs(curve.risk_threshold - 0.4)))
    flagged = 1 - patients.known_score >= curve.risk_threshold[at]
    short = ~patients.known_long
    expected = (flagged & short).mean() - (flagged & ~short).mean() * 0.4 / 0.6
    assert curve.net_benefit[0, at, 0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("models", "best"),
    [(("lab", "pet"), "pet"), (("cox:lab", "lab"), "lab"), (("cox:lab",), "cox:lab"), ((BEST, "pet"), BEST)],
)
def test_the_model_looked_at_first(models, best):
    assert prrt_report.best_documented(run_of(tables(), "s", settings=settings_of(models))) == best


def test_patients_whose_fold_failed_are_counted(study):
    source, run = study
    output = run.outputs["pet"]
    value = output.value.copy()
    value[:, :2] = np.nan
    broken = replace(run, outputs={**run.outputs, "pet": replace(output, value=value)})
    patients = prrt_report.pooled_patients(broken, "pet", source)
    assert patients.excluded[prrt_report.NO_OUTPUT] == 2
    assert len(patients.patient_ids) + sum(patients.excluded.values()) == patients.n_study
