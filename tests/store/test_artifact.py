from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raise_core.domain.errors import BadUsageError
from raise_core.store.artifact import ArtifactStore, artifact_key
from raise_core.store.home import Home

KEY = artifact_key("thing", {"seed": 1})


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(Home.at(tmp_path / "home"))


def fill(store: ArtifactStore, kind: str = "thing", key: str = KEY) -> None:
    store.write(
        kind,
        key,
        tables={"scores": pd.DataFrame({"id": ["001", "002"], "risk": [0.5, np.nan]}), "empty": pa.table({"a": []})},
        arrays={"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "steps": np.array(4, dtype=np.int64)},
        document={"n": 2, "note": "é", "none": None},
    )


def test_what_is_written_comes_back(store: ArtifactStore) -> None:
    assert store.read("thing", KEY) is None
    assert not store.has("thing", KEY)
    fill(store)
    found = store.read("thing", KEY)
    assert found is not None
    assert found.document == {"n": 2, "note": "é", "none": None}
    assert found.frame("scores")["id"].tolist() == ["001", "002"]
    assert np.isnan(found.frame("scores")["risk"][1])
    assert found.tables["empty"].num_rows == 0
    np.testing.assert_array_equal(found.arrays["weights"], np.arange(6, dtype=np.float32).reshape(2, 3))
    assert found.arrays["steps"].shape == ()
    assert found.arrays["steps"] == 4
    assert store.has("thing", KEY)
    assert list(store.home.temporary.iterdir()) == []


def test_transposed_arrays_are_stored_as_they_look(store: ArtifactStore) -> None:
    array = np.arange(6.0).reshape(2, 3).T
    store.write("thing", KEY, arrays={"a": array})
    found = store.read("thing", KEY)
    assert found is not None
    np.testing.assert_array_equal(found.arrays["a"], array)


def test_any_changed_byte_is_found_out(store: ArtifactStore, caplog) -> None:
    caplog.set_level(logging.CRITICAL)
    rng = np.random.default_rng(0)
    fill(store)
    files = sorted(path.name for path in store.folder("thing", KEY).iterdir())
    assert files == ["arrays.safetensors", "document.json", "empty.parquet", "manifest.json", "scores.parquet"]
    damaged = 0
    for name in files:
        for _ in range(8):
            fill(store)
            path = store.folder("thing", KEY) / name
            content = bytearray(path.read_bytes())
            position = int(rng.integers(len(content)))
            content[position] ^= 1 << int(rng.integers(7))
            path.write_bytes(content)
            whitespace_only = name == "manifest.json" and store.read("thing", KEY) is not None
            if whitespace_only:
                continue
            assert store.read("thing", KEY) is None
            assert not store.folder("thing", KEY).exists()
            damaged += 1
    assert len(store.damaged) == damaged >= 38
    assert set(store.damaged) == {("thing", KEY)}


@pytest.mark.parametrize("name", ["manifest.json", "document.json", "scores.parquet"])
def test_a_lost_or_added_file_is_found_out(store: ArtifactStore, name: str) -> None:
    fill(store)
    (store.folder("thing", KEY) / name).unlink()
    assert store.read("thing", KEY) is None
    fill(store)
    (store.folder("thing", KEY) / "more.parquet").write_bytes(b"")
    assert store.read("thing", KEY) is None
    assert len(store.damaged) == 2


def test_an_artifact_moved_to_another_key_is_found_out(store: ArtifactStore) -> None:
    fill(store)
    other = artifact_key("thing", {"seed": 2})
    store.folder("thing", other).parent.mkdir(parents=True, exist_ok=True)
    store.folder("thing", KEY).rename(store.folder("thing", other))
    assert store.read("thing", other) is None


def test_the_first_writer_of_a_key_wins(store: ArtifactStore) -> None:
    store.write("thing", KEY, document=1)
    store.write("thing", KEY, document=2)
    found = store.read("thing", KEY)
    assert found is not None
    assert found.document == 1


def test_a_failed_write_leaves_nothing(store: ArtifactStore) -> None:
    with pytest.raises(ValueError, match="JSON"):
        store.write("thing", KEY, document=float("nan"))
    with pytest.raises(ValueError, match="cannot name a table"):
        store.write("thing", KEY, tables={"../x": pa.table({"a": [1]})})
    assert not store.has("thing", KEY)
    assert list(store.home.temporary.iterdir()) == []


def test_verify_removes_what_is_damaged_and_keeps_the_rest(store: ArtifactStore) -> None:
    other = artifact_key("thing", {"seed": 2})
    fill(store)
    fill(store, key=other)
    (store.folder("thing", other) / "document.json").write_bytes(b"{}")
    result = store.verify()
    assert result.checked == 2
    assert [entry.key for entry in result.removed] == [other]
    assert result.freed_bytes > 0
    assert [entry.key for entry in store.entries()] == [KEY]


def test_prune_by_kind_age_and_what_to_keep(store: ArtifactStore) -> None:
    keys = [artifact_key("thing", {"seed": seed}) for seed in range(3)]
    for key in keys:
        fill(store, key=key)
    fill(store, kind="other", key=keys[0])
    for path in store.folder("thing", keys[0]).iterdir():
        os.utime(path, (time.time() - 10 * 86_400,) * 2)
    assert set(store.sizes()) == {"other", "thing"}
    assert [entry.key for entry in store.prune(kind="thing", older_than_days=5).removed] == [keys[0]]
    assert {entry.key for entry in store.prune(kind="thing", keep=[keys[1]]).removed} == {keys[2]}
    assert [(entry.kind, entry.key) for entry in store.entries()] == [("other", keys[0]), ("thing", keys[1])]


def test_names_are_checked(store: ArtifactStore) -> None:
    with pytest.raises(BadUsageError, match="kind of artifact"):
        artifact_key("../thing", {})
    with pytest.raises(BadUsageError, match="not an artifact key"):
        store.read("thing", "../../etc")


def test_a_key_follows_its_inputs_and_nothing_else() -> None:
    assert artifact_key("a", {"x": 1, "y": [1, 2]}) == artifact_key("a", {"y": [1, 2], "x": 1})
    different = [
        artifact_key("a", {"x": 1}),
        artifact_key("b", {"x": 1}),
        artifact_key("a", {"x": 2}),
        artifact_key("a", {"x": "1"}),
        artifact_key("a", {"x": 1.5}),
        artifact_key("a", {"x": 1}, code_version=2),
    ]
    assert len(set(different)) == len(different)
    with pytest.raises(ValueError, match="JSON"):
        artifact_key("a", {"x": float("nan")})


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none(), max_size=5))
def test_a_key_does_not_depend_on_the_order_of_inputs(inputs: dict[str, object]) -> None:
    assert artifact_key("a", inputs) == artifact_key("a", dict(reversed(inputs.items())))


def test_an_artifact_removed_while_it_is_looked_at_is_missing(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)
    folder = store.folder("thing", KEY)
    names = Path.iterdir

    def removed_just_before(path: Path) -> Iterator[Path]:
        if path == folder:
            ArtifactStore(store.home).remove("thing", KEY)
        return names(path)

    monkeypatch.setattr(Path, "iterdir", removed_just_before)
    assert store.read("thing", KEY) is None
    assert store.damaged == []
