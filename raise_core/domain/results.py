"""Frozen results of an evaluation: what figures draw and the command line prints."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class CindexEstimate:
    """Concordance of one model at one landmark week over repeated train/test splits.

    Attributes:
        model: markers joined by '+'.
        week: nominal landmark week (weeks from randomisation).
        n: patients at risk after the landmark and complete for every model of the call.
        events: events among them after the landmark.
        mean: mean Harrell c over the scored splits; None when no split could be scored.
        sd: standard deviation over the scored splits (ddof 1).
        se_naive: sd / sqrt(scored splits); too small, since training sets overlap. Reported because the paper does.
        se_corrected: sd * sqrt(1/J + n_test/n_train) (Nadeau & Bengio 2003).
        ci_low: lower 95 % limit, t quantile with J - 1 degrees of freedom times `se_corrected`, kept within 0..1.
        ci_high: upper limit, likewise.
        uno: mean of Uno's c over the splits where it could be computed, truncated at `uno_tau_weeks`.
        uno_tau_weeks: truncation time of Uno's c, weeks after the landmark.
        nan_splits: splits that could not be scored.
        nan_reasons: why, counted by reason.
        splits: splits asked for.
        events_per_variable: events divided by the number of Cox columns, None for models that are not Cox models.
        warnings: plain sentences for the reader.
        split_scores: Harrell's c of every split, None where it could not be scored, in split order.
    """

    model: str
    week: float
    n: int
    events: int
    mean: float | None
    sd: float | None
    se_naive: float | None
    se_corrected: float | None
    ci_low: float | None
    ci_high: float | None
    uno: float | None
    uno_tau_weeks: float | None
    nan_splits: int
    nan_reasons: dict[str, int]
    splits: int
    events_per_variable: float | None
    warnings: tuple[str, ...] = ()
    split_scores: tuple[float | None, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class CindexComparison:
    """Paired difference of two models' concordance on the same splits at one week.

    Attributes:
        model_a: first model.
        model_b: second model.
        week: landmark week.
        difference: mean of c(a) - c(b) over the splits both were scored in; None when there are none.
        ci_low: lower 95 % limit of the difference with the corrected standard error.
        ci_high: upper limit.
        p_corrected: two-sided p of the corrected resampled t-test (Nadeau & Bengio 2003), J - 1 degrees of freedom.
        p_holm: `p_corrected` adjusted by Holm over all comparisons of the call.
    """

    model_a: str
    model_b: str
    week: float
    difference: float | None
    ci_low: float | None
    ci_high: float | None
    p_corrected: float | None
    p_holm: float | None


@dataclass(frozen=True)
class CindexSettings:
    """What a c-index evaluation was asked for.

    Attributes:
        endpoint: outcome to predict.
        splits: Monte Carlo train/test splits.
        train_fraction: share of the patients in training.
        seed: seed of the splits.
        window_weeks: how old a marker value may be.
        tolerance_weeks: how late a visit may be; the landmark is week + tolerance.
    """

    endpoint: str = "PFS"
    splits: int = 100
    train_fraction: float = 0.8
    seed: int = 0
    window_weeks: float = 8.0
    tolerance_weeks: float = 1.0


@dataclass(frozen=True)
class Provenance:
    """Which data and which run a result came from.

    Attributes:
        study_id: study.
        study_title: its name for people.
        snapshot_id: data snapshot.
        simulated: True when the patients are not real.
        run_id: run whose network outputs were used, None when none was needed.
        encoder: image encoder of that run.
        cohort_words: filter the patients were chosen by, in words with its counts; empty for everybody.
    """

    study_id: str
    study_title: str
    snapshot_id: str
    simulated: bool
    run_id: str | None = None
    encoder: str | None = None
    cohort_words: str = ""


@dataclass(frozen=True)
class CindexReport:
    """C-index by week of several models on the same patients and splits.

    Attributes:
        settings: what was asked for.
        provenance: data and run.
        estimates: one for each model and week, models in the order asked, weeks ascending.
        comparisons: every pair of models at every week.
        excluded: week to reason to number of patients; with n they add up to `n_study`.
        n_study: patients of the study.
    """

    settings: CindexSettings
    provenance: Provenance
    estimates: tuple[CindexEstimate, ...]
    comparisons: tuple[CindexComparison, ...]
    excluded: dict[float, dict[str, int]]
    n_study: int

    @property
    def models(self) -> tuple[str, ...]:
        """Models in the order asked."""
        return tuple(dict.fromkeys(estimate.model for estimate in self.estimates))

    @property
    def weeks(self) -> tuple[float, ...]:
        """Weeks, ascending."""
        return tuple(sorted({estimate.week for estimate in self.estimates}))

    def estimate(self, model: str, week: float) -> CindexEstimate | None:
        """The estimate of one model at one week, None when there is none."""
        return next((e for e in self.estimates if e.model == model and e.week == week), None)


@dataclass(frozen=True)
class PublishedPoint:
    """A c-index as a paper reports it.

    Attributes:
        model: the model of ours it corresponds to.
        week: visit week.
        cindex: reported value.
        source: short citation.
    """

    model: str
    week: float
    cindex: float
    source: str
