"""The PRRT study as data: horizon, models, cross-validation, and what the paper reported.

Source: Baur S, Ruhwedel T, Böke E, et al. Multimodal deep learning for prediction of progression-free survival in
patients with neuroendocrine tumors undergoing 177Lu-based peptide receptor radionuclide therapy. 2025.
"""

from __future__ import annotations

from raise_core.domain.class_results import PublishedScore
from raise_core.domain.week import WEEKS_PER_YEAR

ENDPOINT = "PFS"
HORIZON_WEEKS = WEEKS_PER_YEAR
FOLDS = 3
LAB_REPEATS = 10
NETWORK_REPEATS = 3
SOURCE = "Baur et al. 2025"

DEFAULT_MODELS: tuple[str, ...] = (
    "lab",
    "pet",
    "ct",
    "pet+ct",
    "pet+ct+lab",
    "pet+ct-pretrained",
    "pet+ct-pretrained+lab",
)
"""The seven of the study; the paper names four of them with their scores."""


PUBLISHED: tuple[PublishedScore, ...] = (
    PublishedScore("lab", 0.59, 0.02),
    PublishedScore("pet", 0.42, 0.03),
    PublishedScore("ct", 0.54, 0.01),
    PublishedScore("pet+ct-pretrained+lab", 0.72, 0.01, 0.80, 0.01),
)
