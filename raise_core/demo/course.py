"""What happens to one simulated patient: lesions grow, visits find them, RECIST 1.0 reads them, follow-up ends.

Growth is exponential in the diameter. Each patient has a rate that depends on aggressiveness, each lesion departs from
it a little, treatment lowers it, and it drifts. Progression is nothing but RECIST 1.0 applied to the diameters the
readers measured, so a marker made of diameters is a noisy clock of the outcome, as in a real trial.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raise_core.demo.trial import FloatArray, Patient, Stream, stream
from raise_core.domain.recist import MEASURABLE_MM, RecistVersion, read_recist

NOMINAL_WEEKS = (-12.0, 0.0, 12.0, 24.0, 36.0, 48.0, 72.0, 96.0)
BASELINE = NOMINAL_WEEKS.index(0.0)
VISIT_JITTER_WEEKS = 0.3
MAX_BASELINE_LEAD_DAYS = 6

# Log diameter per week.
GROWTH_MEAN = 0.00252
GROWTH_SD_AGGRESSIVENESS = 0.00218
GROWTH_SD_RESIDUAL = 0.00197
GROWTH_SD_LESION = 0.00091
SLOWING_MEAN = 0.00222
SLOWING_SD = 0.00024
DRIFT_SD_PER_12_WEEKS = 0.0006
GROWTH_SD_PATIENT = float(np.hypot(GROWTH_SD_AGGRESSIVENESS, GROWTH_SD_RESIDUAL))
GROWTH_MEAN_BOTH_ARMS = GROWTH_MEAN - SLOWING_MEAN / 2

READER_NOISE_LOG = 0.05

NEW_LESION_HAZARD_PER_WEEK = 0.0024
NEW_LESION_LOG_HR_AGGRESSIVENESS = 0.46
NEW_LESION_TREATMENT_HR = 0.35
NEW_LESION_DIAMETER_MM = (6.0, 14.0)
OCCULT_WEEKS = 24.0
"""How long a new lesion secretes before CT can show it."""

DROPOUT_HAZARD_PER_WEEK = 0.0022
DEATH_HAZARD_PER_WEEK = 0.00015
DEATH_LOG_HR_AGGRESSIVENESS = 0.6
DEATH_HR_AFTER_PROGRESSION = 4.0

STATE_TURNOVER_WEEKS = 15.0
"""How fast what a scan shows turns from the tumour's nature into how it grows under treatment."""

DIAMETER_MEDIAN_MM = 25.0
DIAMETER_LOG_SD_PATIENT = 0.22
DIAMETER_LOG_SD_LESION = 0.26
DIAMETER_LOG_PER_AGGRESSIVENESS = 0.35
DIAMETER_RANGE_MM = (MEASURABLE_MM + 1.0, 58.0)
LIVER_TARGET_SHARES = (0.24, 0.26, 0.22, 0.16, 0.12)
"""Share of patients with 1, 2, ... 5 liver targets, among those with liver lesions."""
OTHER_TARGETS_MEAN = 0.9
OTHER_ORGANS = ("lymph node", "pancreas", "mesentery", "peritoneum")


@dataclass(frozen=True)
class Lesion:
    """One lesion: target at baseline, or new.

    Attributes:
        lesion_id: name within the patient.
        organ: where it is.
        target: chosen at baseline as a target.
        first_visit: position of the first visit that can show it (0 for lesions present from screening).
        true_mm: shape (visits,), true longest diameter at every planned visit (mm).
        measured_mm: shape (visits,), as the reader measured it, 0 before it can be seen (mm).
    """

    lesion_id: str
    organ: str
    target: bool
    first_visit: int
    true_mm: FloatArray
    measured_mm: FloatArray


@dataclass(frozen=True)
class Course:
    """One patient's time in the trial.

    Attributes:
        patient: who.
        weeks: shape (visits,), date of each planned visit in weeks from randomisation (whole days).
        attended: how many of the planned visits took place; the rest never did.
        lesions: targets first, then lesions first seen later.
        progressed_at_baseline: RECIST progression from screening to baseline.
        progression_visit: position of the visit whose scan shows progression, None if none does.
        pfs_weeks: time of progression or death, else of the last visit.
        progressed: PFS ended with progression.
        died_first: PFS ended with death.
        os_weeks: time of death, else last known alive.
        died: death was seen.
        growth_state: shape (visits,), current treated growth rate in standard deviations of the trial's rates.
        occult: shape (visits,), a new lesion exists that CT cannot show yet.
    """

    patient: Patient
    weeks: FloatArray
    attended: int
    lesions: tuple[Lesion, ...]
    progressed_at_baseline: bool
    progression_visit: int | None
    pfs_weeks: float
    progressed: bool
    died_first: bool
    os_weeks: float
    died: bool
    growth_state: FloatArray
    occult: tuple[bool, ...]

    @property
    def targets(self) -> tuple[Lesion, ...]:
        """Target lesions."""
        return tuple(lesion for lesion in self.lesions if lesion.target)

    @property
    def liver_targets(self) -> tuple[Lesion, ...]:
        """Target lesions in the liver."""
        return tuple(lesion for lesion in self.targets if lesion.organ == "liver")

    @property
    def true_sld_mm(self) -> FloatArray:
        """Shape (visits,), true sum of the targets' diameters at every planned visit (mm)."""
        return np.asarray(np.sum([lesion.true_mm for lesion in self.targets], axis=0), dtype=np.float64)

    @property
    def tumour_state(self) -> FloatArray:
        """Shape (visits,), what the tissue is like now: nature at baseline, treated growth later, in sd."""
        turned = -np.expm1(-np.maximum(self.weeks, 0.0) / STATE_TURNOVER_WEEKS)
        return (1.0 - turned) * self.patient.aggressiveness + turned * self.growth_state


def run_course(patient: Patient, *, liver: bool, seed: int) -> Course:
    """Simulate one patient from screening to the end of follow-up.

    Args:
        patient: who.
        liver: whether there are liver lesions; growth does not depend on it.
        seed: seed of the trial.
    """
    rng = stream(seed, Stream.COURSE, patient.index)
    weeks = _visit_weeks(rng)
    rates = _patient_rates(patient, weeks, rng)
    onset = _new_lesion_week(patient, rng)
    dropout, death_uniform = float(rng.exponential(1.0 / DROPOUT_HAZARD_PER_WEEK)), float(rng.exponential())
    targets = _targets(patient, weeks, rates, rng, liver=liver)
    late = _late_lesion(targets[0].organ, weeks, onset, rng)
    lesions = targets if late is None else (*targets, late)
    sld = np.sum([lesion.measured_mm for lesion in targets], axis=0)
    appeared = np.array([late is not None and late.first_visit == visit for visit in range(len(weeks))])

    screening = read_recist(baseline_mm=sld[0], sld_mm=sld[1:2], new_lesion=appeared[1:2], version=RecistVersion.V1_0)
    follow_up = slice(BASELINE + 1, None)
    reading = read_recist(baseline_mm=sld[BASELINE], sld_mm=sld[follow_up], new_lesion=appeared[follow_up])
    on_study = weeks < dropout
    death = _death_week(patient, death_uniform, progression=None)
    on_study &= weeks < death
    on_study[: BASELINE + 1] = True
    attended = int(on_study.sum())
    progression = None if reading.first_progression is None else reading.first_progression + BASELINE + 1
    if progression is not None and progression >= attended:
        progression = None
    if progression is not None:
        attended = progression + 1
        death = _death_week(patient, death_uniform, progression=float(weeks[progression]))
    last_visit = max(float(weeks[attended - 1]), 0.0)
    # Survival is followed past progression, to the date of the last planned visit; who withdraws is lost.
    known_alive = min(dropout, float(weeks[-1]))
    died = death < known_alive
    died_first = died and progression is None
    return Course(
        patient=patient,
        weeks=weeks,
        attended=attended,
        lesions=lesions,
        progressed_at_baseline=screening.first_progression is not None,
        progression_visit=progression,
        pfs_weeks=in_days(death) if died_first else last_visit,
        progressed=progression is not None,
        died_first=died_first,
        os_weeks=in_days(min(death, known_alive)),
        died=died,
        growth_state=(rates - GROWTH_MEAN_BOTH_ARMS) / GROWTH_SD_PATIENT,
        occult=tuple(bool(onset - OCCULT_WEEKS <= week < onset) for week in weeks),
    )


def in_days(weeks: float) -> float:
    """The same time as a whole number of days, at least one, in weeks with four decimals."""
    return round(max(round(weeks * 7), 1) / 7, 4)


def _visit_weeks(rng: np.random.Generator) -> FloatArray:
    days = np.round(7 * (np.array(NOMINAL_WEEKS) + rng.normal(0.0, VISIT_JITTER_WEEKS, len(NOMINAL_WEEKS))))
    days[BASELINE] = -rng.integers(0, MAX_BASELINE_LEAD_DAYS + 1)
    return np.round(days / 7, 4)


def _patient_rates(patient: Patient, weeks: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Growth rate of the patient's tumour (log diameter per week) at each visit, shape (visits,)."""
    own = GROWTH_MEAN + GROWTH_SD_AGGRESSIVENESS * patient.aggressiveness + GROWTH_SD_RESIDUAL * rng.normal()
    slowing = (SLOWING_MEAN + SLOWING_SD * rng.normal()) * patient.treated
    steps = rng.normal(0.0, DRIFT_SD_PER_12_WEEKS, len(weeks)) * np.sqrt(np.diff(weeks, prepend=weeks[0]) / 12.0)
    drift = np.cumsum(steps) - steps[: BASELINE + 1].sum()
    return np.asarray(own + drift - slowing * (weeks >= weeks[BASELINE + 1]))


def _new_lesion_week(patient: Patient, rng: np.random.Generator) -> float:
    """When a new lesion becomes visible, in weeks from randomisation; the clock starts at screening."""
    hazard = NEW_LESION_HAZARD_PER_WEEK * np.exp(NEW_LESION_LOG_HR_AGGRESSIVENESS * patient.aggressiveness)
    week = NOMINAL_WEEKS[0] + rng.exponential() / hazard
    if patient.treated and week > 0:
        week = week / NEW_LESION_TREATMENT_HR
    return float(week)


def _death_week(patient: Patient, unit: float, *, progression: float | None) -> float:
    """Invert the cumulative hazard of death, which rises at progression, at a unit exponential draw."""
    hazard = DEATH_HAZARD_PER_WEEK * np.exp(DEATH_LOG_HR_AGGRESSIVENESS * patient.aggressiveness)
    week = unit / hazard
    if progression is None or week <= progression:
        return float(week)
    return float(progression + (week - progression) / DEATH_HR_AFTER_PROGRESSION)


def _targets(
    patient: Patient, weeks: FloatArray, rates: FloatArray, rng: np.random.Generator, *, liver: bool
) -> tuple[Lesion, ...]:
    in_liver = 1 + int(rng.choice(len(LIVER_TARGET_SHARES), p=LIVER_TARGET_SHARES)) if liver else 0
    elsewhere = min(int(rng.poisson(OTHER_TARGETS_MEAN)) + (not liver), 5)
    organs = ["liver"] * in_liver + [str(organ) for organ in rng.choice(OTHER_ORGANS, elsewhere)]
    patient_size = DIAMETER_LOG_PER_AGGRESSIVENESS * patient.aggressiveness + DIAMETER_LOG_SD_PATIENT * rng.normal()
    lesions = []
    for number, organ in enumerate(organs, start=1):
        log_size = np.log(DIAMETER_MEDIAN_MM) + patient_size + DIAMETER_LOG_SD_LESION * rng.normal()
        size = float(np.clip(np.exp(log_size), *DIAMETER_RANGE_MM))
        own = rates + GROWTH_SD_LESION * rng.normal()
        # The rate over an interval is the one known at its end, so treatment acts from the first day.
        log_growth = np.cumsum(own * np.diff(weeks, prepend=weeks[0]))
        true = size * np.exp(log_growth - log_growth[BASELINE])
        measured = np.round(true * np.exp(READER_NOISE_LOG * rng.normal(size=len(weeks))), 1)
        lesions.append(Lesion(f"T{number}", organ, target=True, first_visit=0, true_mm=true, measured_mm=measured))
    return tuple(lesions)


def _late_lesion(organ: str, weeks: FloatArray, onset: float, rng: np.random.Generator) -> Lesion | None:
    """The lesion that appears at `onset`, if any visit comes after it."""
    size = rng.uniform(*NEW_LESION_DIAMETER_MM)
    noise = np.exp(READER_NOISE_LOG * rng.normal(size=len(weeks)))
    if onset > weeks[-1]:
        return None
    first = int(np.argmax(weeks >= onset))
    seen = np.arange(len(weeks)) >= first
    return Lesion(
        "N1",
        organ,
        target=False,
        first_visit=first,
        true_mm=np.where(seen, size, 0.0),
        measured_mm=np.where(seen, np.round(size * noise, 1), 0.0),
    )
