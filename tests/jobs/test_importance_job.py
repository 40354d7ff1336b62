"""Importance of laboratory values as background work: what is there already, several visits, being stopped."""

from __future__ import annotations

import shutil

import pytest

from raise_core.domain.errors import BadUsageError, BusyError, NotInStoreError
from raise_core.domain.importance_settings import ImportanceModel, ImportanceSettings
from raise_core.domain.progress import silent
from raise_core.domain.time_unit import TimeUnit
from raise_core.jobs import importance_job
from raise_core.jobs.kinds import kind_named
from raise_core.jobs.order import Order
from raise_core.store.home import Home
from raise_core.store.snapshot import current_snapshot
from raise_core.studies.lab_importance import importance_key

QUICK = ImportanceSettings(model=ImportanceModel.COX, repeats=1, permutations=2)


@pytest.fixture
def order(small_home, tmp_path):
    """Function that makes an order for some weeks, in a home of its own."""
    home = Home.at(tmp_path / "job-home")
    home.path.mkdir()
    shutil.copytree(small_home / "studies", home.path / "studies")
    snapshot = current_snapshot(home, "demo-raise")

    def make(*weeks: float, settings: ImportanceSettings = QUICK) -> Order:
        asked = importance_job.order_settings(settings, weeks)
        return Order(home, importance_job.NAME, "demo-raise", snapshot, asked, "cpu")

    return make


def test_it_is_a_kind_of_work():
    assert kind_named("importance").run is importance_job.run


def test_several_visits_are_kept_and_then_there_already(order):
    asked = order(0, 12)
    assert importance_job.existing(asked) is None
    steps = []
    outcome = importance_job.run(asked, lambda *step: steps.append(step), lambda: False)
    key = importance_key("demo-raise", asked.snapshot_id, QUICK.at_week(0))
    assert outcome.result_id == key == importance_job.existing(asked)
    assert "2 visits" in outcome.message
    assert steps[-1][1:] == (10, 10)
    assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)


def test_a_visit_that_cannot_be_analysed_is_told_of_and_a_lone_one_refused(order):
    outcome = importance_job.run(order(0, 96), silent, lambda: False)
    assert "not possible at 1" in outcome.message
    with pytest.raises(NotInStoreError):
        importance_job.existing(order(96))
    with pytest.raises(NotInStoreError):
        importance_job.run(order(96), silent, lambda: False)


def test_it_stops_when_asked(order):
    with pytest.raises(BusyError, match="stopped"):
        importance_job.run(order(0), silent, lambda: True)


def test_it_is_described_in_words(order):
    words = importance_job.describe(order(0, 12).settings, TimeUnit.WEEKS)
    assert words == "Cox model; PFS; weeks 0, 12"
    with pytest.raises(BadUsageError, match="no visit"):
        importance_job.describe(QUICK.to_document(), TimeUnit.WEEKS)
