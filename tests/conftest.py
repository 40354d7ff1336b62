"""What tests of every folder share: the real data, a home that nothing else touches, a small cohort with a run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure, and a gate must answer the same twice.
settings.register_profile("gate", deadline=None, derandomize=True)
settings.load_profile("gate")

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"
SMALL_PATIENTS = 90
SMALL_WEEKS = (12.0, 24.0)
SMALL_SPLITS = 8


def pytest_collection_modifyitems(items):
    if SHARED_DATA.is_dir():
        return
    skip = pytest.mark.skip(reason=f"real data not found at {SHARED_DATA}; see the README's section on tests")
    for item in items:
        if item.get_closest_marker("shared_data"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data kept outside the repository (tests that use it carry the marker shared_data)."""
    return SHARED_DATA


@pytest.fixture(autouse=True)
def _no_home_by_accident(monkeypatch, tmp_path):
    """No test reads or writes the developer's own workspace."""
    monkeypatch.setenv("RAISE_HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def _main_module_stays():
    """AppTest puts the page in place of `__main__`; worker processes of later tests would start it."""
    kept = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = kept


@pytest.fixture(scope="session")
def small_home(tmp_path_factory) -> Path:
    """A home with a small simulated trial and a finished RAISE run on it; shared, so to be read only."""
    from raise_core.store.home import Home
    from raise_core.studies.demonstration import make_raise
    from raise_core.studies.raise_run import run_raise
    from raise_core.studies.raise_settings import RaiseSettings

    home = Home.at(tmp_path_factory.mktemp("small") / "home")
    make_raise(home, patients=SMALL_PATIENTS, seed=3)
    run_raise(home, "demo-raise", small_settings(RaiseSettings), device="cpu")
    return home.path


def small_settings(kind):
    """Settings of the small home's run."""
    return kind(weeks=SMALL_WEEKS, encoder="efficientnet-lite0-imagenet", splits=SMALL_SPLITS, input_px=64)
