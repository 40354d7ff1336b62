from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from raise_core.domain.errors import BadUsageError, NotInStoreError
from raise_core.store.artifact import ArtifactStore
from raise_core.store.feature_shelf import FeatureShelf
from raise_core.store.home import Home


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(Home.at(tmp_path / "home"))


def vectors(n: int, start: int = 0, d: int = 4) -> np.ndarray:
    return (np.arange(n * d, dtype=np.float32) + start).reshape(n, d)


def test_vectors_come_back_in_the_order_asked_for(store: ArtifactStore) -> None:
    shelf = FeatureShelf(store, "abc")
    assert shelf.known_keys() == set()
    shelf.put(["a", "b"], vectors(2))
    shelf.put(["c"], vectors(1, start=100))
    again = FeatureShelf(ArtifactStore(store.home), "abc")
    assert again.known_keys() == {"a", "b", "c"}
    found = again.get(["c", "a", "c"])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.stack([vectors(1, 100)[0], vectors(2)[0], vectors(1, 100)[0]]))
    assert FeatureShelf(store, "other").known_keys() == set()


def test_shards_of_another_process_are_seen(store: ArtifactStore) -> None:
    mine, theirs = FeatureShelf(store, "abc"), FeatureShelf(ArtifactStore(store.home), "abc")
    mine.put(["a"], vectors(1))
    theirs.put(["b"], vectors(1, 50))
    np.testing.assert_array_equal(mine.get(["b"]), vectors(1, 50))
    assert mine.known_keys() == {"a", "b"}


def test_a_damaged_shard_is_dropped_and_its_keys_are_unknown_again(store: ArtifactStore) -> None:
    shelf = FeatureShelf(store, "abc")
    shelf.put(["a", "b"], vectors(2))
    shelf.put(["b", "c"], vectors(2, 100))
    damaged = next(
        entry for entry in store.entries(shelf.kind)
        if store.read(entry.kind, entry.key).document["keys"] == ["a", "b"]
    )  # fmt: skip
    path = store.folder(damaged.kind, damaged.key) / "arrays.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(NotInStoreError, match="extract them again"):
        shelf.get(["a"])
    assert shelf.known_keys() == {"b", "c"}
    np.testing.assert_array_equal(shelf.get(["b"]), vectors(2, 100)[:1])
    assert FeatureShelf(ArtifactStore(store.home), "abc").known_keys() == {"b", "c"}
    assert store.damaged == [(damaged.kind, damaged.key)]


def test_what_is_not_there_is_refused(store: ArtifactStore) -> None:
    shelf = FeatureShelf(store, "abc")
    shelf.put(["a"], vectors(1))
    with pytest.raises(NotInStoreError, match="1 of 2 feature vectors"):
        shelf.get(["a", "z"])
    assert shelf.get([]).shape == (0, 4)


def test_bad_vectors_are_refused(store: ArtifactStore) -> None:
    shelf = FeatureShelf(store, "abc")
    for keys, matrix in ((["a"], vectors(2)), (["a", "a"], vectors(2)), (["a"], np.zeros(4, dtype=np.float32))):
        with pytest.raises(BadUsageError, match="do not go with"):
            shelf.put(keys, matrix)
    with pytest.raises(BadUsageError, match="NaN or infinity"):
        shelf.put(["a"], np.full((1, 4), np.nan, dtype=np.float32))
    shelf.put([], np.empty((0, 4), dtype=np.float32))
    shelf.put(["a"], vectors(1))
    with pytest.raises(BadUsageError, match="holds vectors of 4"):
        shelf.put(["b"], vectors(1, d=5))
    assert shelf.known_keys() == {"a"}
