"""Where feature vectors are kept between runs, as extraction sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class FeatureShelf(Protocol):
    """Vectors by key. What is put is there for good, whatever happens to the process afterwards."""

    def known_keys(self) -> set[str]:
        """Keys whose vectors can be had."""

    def get(self, keys: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of known keys, shape (len(keys), feature_count), in that order."""

    def put(self, keys: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Keep vectors, shape (len(keys), feature_count), each key once."""
