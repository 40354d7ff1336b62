"""Feature vectors by key, written in shards as an extraction goes along, so that a kill loses at most one shard."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.store.artifact import Artifact, ArtifactStore, artifact_key

_KIND_PREFIX = "features-"
_VECTORS = "vectors"


class FeatureShelf:
    """All vectors made in one way (encoder, preprocessing), one float32 row a key.

    Each `put` is one artifact of the kind `features-<namespace>`, whole or not there. A shard whose bytes have changed
    is dropped when it is met, and its keys are unknown again. Several processes may put into one shelf.
    """

    def __init__(self, store: ArtifactStore, namespace: str) -> None:
        self._store = store
        self.kind = _KIND_PREFIX + namespace
        self._place: dict[str, tuple[str, int]] = {}
        self._shards: set[str] = set()
        self._dimension: int | None = None

    def known_keys(self) -> set[str]:
        """Keys whose vectors are on the shelf and whole; shards of other processes included."""
        listed = {entry.key for entry in self._store.entries(self.kind)}
        if self._shards - listed:
            self._forget_all()
        for shard in sorted(listed - self._shards):
            artifact = self._store.read(self.kind, shard)
            if artifact is not None:
                self._learn(artifact)
        return set(self._place)

    def get(self, keys: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of `keys`, shape (len(keys), d), float32, in the order asked for; a key may be asked for twice.

        Raises:
            NotInStoreError: a key has no vector (see `known_keys`), or its shard turned out damaged.
        """
        if not set(keys) <= self._place.keys():
            self.known_keys()
        unknown = [key for key in keys if key not in self._place]
        if unknown:
            raise NotInStoreError(f"{len(unknown)} of {len(keys)} feature vectors are not there; extract them first.")
        wanted: dict[str, list[tuple[int, int]]] = {}
        for position, key in enumerate(keys):
            shard, row = self._place[key]
            wanted.setdefault(shard, []).append((position, row))
        vectors = np.empty((len(keys), self._dimension or 0), dtype=np.float32)
        for shard, pairs in sorted(wanted.items()):
            artifact = self._store.read(self.kind, shard)
            if artifact is None:
                self._forget_all()
                raise NotInStoreError(f"{len(pairs)} feature vectors were damaged and are gone; extract them again.")
            positions, rows = np.array(pairs).T
            vectors[positions] = artifact.arrays[_VECTORS][rows]
        return vectors

    def put(self, keys: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Write one shard.

        Args:
            keys: one name a vector, each once.
            vectors: shape (len(keys), d), finite float32; d is the same for the whole shelf.

        Raises:
            BadUsageError: shapes do not match, a key stands twice, or a vector is not finite.
        """
        if len(keys) == 0:
            return
        matrix = np.ascontiguousarray(vectors, dtype=np.float32)
        if matrix.ndim != 2 or len(matrix) != len(keys) or len(set(keys)) != len(keys):
            raise BadUsageError(f"{len(keys)} keys (each once) do not go with vectors of shape {matrix.shape}.")
        if self._dimension is not None and matrix.shape[1] != self._dimension:
            raise BadUsageError(f"this shelf holds vectors of {self._dimension} numbers, not {matrix.shape[1]}.")
        if not np.isfinite(matrix).all():
            raise BadUsageError("feature vectors hold NaN or infinity; report the image as failed instead.")
        content = hashlib.sha256(matrix.tobytes()).hexdigest()
        shard = artifact_key(self.kind, {"keys": list(keys), "content": content})
        self._store.write(self.kind, shard, arrays={_VECTORS: matrix}, document={"keys": list(keys)})
        self._remember(shard, keys, matrix.shape[1])

    def _learn(self, artifact: Artifact) -> None:
        self._remember(artifact.key, artifact.document["keys"], artifact.arrays[_VECTORS].shape[1])

    def _remember(self, shard: str, keys: Sequence[str], dimension: int) -> None:
        self._shards.add(shard)
        self._dimension = dimension
        for row, key in enumerate(keys):
            self._place.setdefault(key, (shard, row))

    def _forget_all(self) -> None:
        """Learn everything again: another shard may hold some of the keys of the one that is gone."""
        self._place.clear()
        self._shards.clear()
