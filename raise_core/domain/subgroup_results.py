"""Result of looking at a hazard ratio within subgroups; exploratory by nature."""

from __future__ import annotations

from dataclasses import dataclass

from raise_core.domain.survival_results import HazardRatio


@dataclass(frozen=True)
class Subgroup:
    """One level of a covariate.

    Attributes:
        level: of the covariate; all patients in the first row of a forest.
        n: patients of the reference group and of the other.
        events: events of both.
        hazard_ratio: the other group against the reference; says why where there is none.
    """

    level: str
    n: tuple[int, int]
    events: tuple[int, int]
    hazard_ratio: HazardRatio


@dataclass(frozen=True)
class Interaction:
    """Whether the hazard ratio differs between the levels of a covariate.

    Attributes:
        chi2: likelihood ratio of the models with and without group x covariate; None where it cannot be tested.
        df: terms it is about.
        p: p-value; None like `chi2`.
        reason: why there is none, or what to bear in mind; empty otherwise.
    """

    chi2: float | None
    df: int
    p: float | None
    reason: str = ""


@dataclass(frozen=True)
class SubgroupCovariate:
    """Subgroups by one covariate.

    Attributes:
        name: of the covariate.
        subgroups: one a level.
        interaction: test that the ratio is the same in all of them.
        n_missing: patients without a value, in none of the subgroups and not in the test.
    """

    name: str
    subgroups: tuple[Subgroup, ...]
    interaction: Interaction
    n_missing: int


@dataclass(frozen=True)
class SubgroupForest:
    """A hazard ratio in all patients and in subgroups.

    Attributes:
        overall: all patients.
        covariates: in the order asked for.
        level: of confidence.
    """

    overall: Subgroup
    covariates: tuple[SubgroupCovariate, ...]
    level: float

    @property
    def n_tests(self) -> int:
        """Interaction tests that could be made: one in twenty is below 0.05 by chance alone."""
        return sum(covariate.interaction.p is not None for covariate in self.covariates)
