"""What is asked of a survival figure: which outcome, from when, and what divides the patients."""

from __future__ import annotations

from dataclasses import dataclass

from raise_core.domain.errors import BadUsageError
from raise_core.domain.marker_name import MarkerKind, parse_model
from raise_core.domain.week import LandmarkWeek

MOST_THRESHOLDS = 2
MOST_DIVIDERS = 2


@dataclass(frozen=True)
class ByColumn:
    """Groups are the levels of a patient column.

    Attributes:
        column: of the patients table.
    """

    column: str


@dataclass(frozen=True)
class ByCut:
    """Groups are the values of a marker, or the out-of-fold risk of a model, below and above thresholds.

    Attributes:
        model: one marker of the tables, or a model whose held-out risk is cut.
        thresholds: ascending, in the marker's unit; none for the median of the patients at risk. A patient on a
            threshold belongs to the group below.
        by_looking: whether somebody looked at these data to choose them, as with a slider; then even a threshold that
            happens to be a protocol's value is no longer fixed in advance.
    """

    model: str
    thresholds: tuple[float, ...] = ()
    by_looking: bool = False

    def __post_init__(self) -> None:
        if len(self.thresholds) > MOST_THRESHOLDS:
            raise BadUsageError(f"{len(self.thresholds)} thresholds; at most {MOST_THRESHOLDS} can be compared.")
        if list(self.thresholds) != sorted(set(self.thresholds)):
            raise BadUsageError("thresholds must ascend and differ.")

    @property
    def is_risk(self) -> bool:
        """Whether a model's held-out risk is cut, not a marker of the tables."""
        markers = parse_model(self.model).markers
        return len(markers) > 1 or markers[0].kind is MarkerKind.DEEP


Divider = ByColumn | ByCut


@dataclass(frozen=True)
class SurvivalQuestion:
    """Survival by groups.

    Attributes:
        endpoint: what is waited for.
        dividers: one or two; two are crossed.
        week: landmark from which time counts; None from randomisation, which no marker at a visit allows.
    """

    endpoint: str
    dividers: tuple[Divider, ...]
    week: LandmarkWeek | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.dividers) <= MOST_DIVIDERS:
            raise BadUsageError(f"{len(self.dividers)} ways to divide the patients; give one or two.")
        if self.week is None and self.cuts:
            raise BadUsageError(
                "a marker divides patients only from the week at which it is known (else those who had the event "
                "before would be counted as free of it); give a landmark week."
            )

    @property
    def cuts(self) -> tuple[ByCut, ...]:
        """The dividers that are cuts."""
        return tuple(divider for divider in self.dividers if isinstance(divider, ByCut))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns among the dividers."""
        return tuple(divider.column for divider in self.dividers if isinstance(divider, ByColumn))
