"""Clearing: first said, then done; runs spared when asked; refused while work is under way."""

from __future__ import annotations

import pytest

from raise_core.domain.errors import BusyError
from raise_core.jobs import housekeeping
from raise_core.store import ledger
from raise_core.store.artifact import ArtifactStore
from raise_core.store.home import Home
from raise_core.studies.runs import RUN_KIND, UNIT_KIND


@pytest.fixture
def home(tmp_path) -> Home:
    """A home with a run of two networks, a third network no run uses, features, and an image."""
    home = Home.at(tmp_path / "kept")
    store = ArtifactStore(home)
    for number in range(3):
        store.write(UNIT_KIND, f"{number}" * 64, document={"n": number})
    units = {"lesion-portal": "0" * 64, "lesion-arterial": "1" * 64}
    store.write(RUN_KIND, "a" * 64, document={"weeks": [{"week": 12, "units": units}]})
    store.write("features-resnet50-imagenet", "f" * 64, document={"keys": []})
    image = home.image("e" * 64, ".nii.gz")
    image.parent.mkdir(parents=True)
    image.write_bytes(b"12345")
    return home


def everything(home: Home) -> set[str]:
    return {entry.key[0] for entry in ArtifactStore(home).entries()}


def clear(home: Home, *kinds: str, **more):
    return housekeeping.clear(home, **({"kinds": kinds, "older_than_days": 0, "spare_runs": True} | more))


def test_what_is_kept_has_plain_names_and_sizes(home):
    rows = {row.code: row for row in housekeeping.kept(home)}
    assert rows["images"].size_bytes == 5
    assert not rows["images"].can_be_cleared
    assert rows[UNIT_KIND].items == 3
    assert rows["features-resnet50-imagenet"].name == "Image features, ResNet50 (ImageNet)"
    assert all(rows[kind].can_be_cleared for kind in (UNIT_KIND, RUN_KIND))
    sizes = ArtifactStore(home).sizes()
    assert {code: row.size_bytes for code, row in rows.items() if code in sizes} == sizes


def test_a_dry_run_says_exactly_what_goes_and_removes_nothing(home):
    before = everything(home)
    said = clear(home, UNIT_KIND, RUN_KIND, dry_run=True)
    assert [entry.key[0] for entry in said.removed] == ["2"]
    assert everything(home) == before
    done = clear(home, UNIT_KIND, RUN_KIND, dry_run=False)
    assert done == said
    assert everything(home) == before - {"2"}


def test_runs_go_when_they_are_not_spared_and_only_chosen_kinds_go(home):
    clear(home, UNIT_KIND, spare_runs=False, dry_run=False)
    assert everything(home) == {"a", "f"}
    assert clear(home, "features-resnet50-imagenet", older_than_days=1, dry_run=False).removed == ()


def test_clearing_is_refused_while_work_is_under_way(home):
    ledger.add(
        home, kind="verify", study_id="", snapshot_id="", settings={}, identity="x", device="cpu", requested_by=""
    )
    clear(home, UNIT_KIND, dry_run=False)
    job = ledger.claim(home, "w")
    with pytest.raises(BusyError, match=f"jobs cancel {job.job_id}"):
        clear(home, UNIT_KIND, dry_run=False)
    clear(home, UNIT_KIND, dry_run=True)
