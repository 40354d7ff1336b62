"""What tests of every folder share: the real data, a home that nothing else touches, a small cohort with a run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

# A busy machine is no failure, and a gate must answer the same twice.
settings.register_profile("gate", deadline=None, derandomize=True)
settings.load_profile("gate")

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"
SMALL_PATIENTS = 90
SMALL_WEEKS = (12.0, 24.0)
SMALL_SPLITS = 8
SMALL_PRRT_PATIENTS = 24
SMALL_PRRT_MODELS = ("lab", "pet", "ct", "pet+ct", "pet+ct+lab", "cox:pet+ct+lab")
"""Without the pretrained network, whose 117 million weights take longer to read than everything else."""


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
    return shared_home(tmp_path_factory, "small", _make_small_home)


def _make_small_home(path: Path) -> None:
    from raise_core.store.home import Home
    from raise_core.studies.demonstration import make_raise
    from raise_core.studies.raise_run import run_raise
    from raise_core.studies.raise_settings import RaiseSettings

    home = Home.at(path)
    make_raise(home, patients=SMALL_PATIENTS, seed=3)
    run_raise(home, "demo-raise", small_settings(RaiseSettings), device="cpu")


def shared_home(tmp_path_factory, name: str, make) -> Path:
    """A home that is made once for all processes of the test run: the first to ask makes it, the others wait."""
    base = tmp_path_factory.getbasetemp()
    shared = os.environ.get("RAISE_TEST_HOMES")
    root = Path(shared) if shared else base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    path, done = root / f"{name}-home", root / f"{name}-home.made"
    with FileLock(root / f"{name}-home.lock"):
        if not done.exists():
            make(path)
            done.touch()
    return path


@pytest.fixture(scope="session")
def small_prrt_home(tmp_path_factory) -> Path:
    """A home with a small simulated PRRT cohort and a finished run on it; shared, so to be read only."""
    return shared_home(tmp_path_factory, "small-prrt", _make_small_prrt_home)


def _make_small_prrt_home(path: Path) -> None:
    from raise_core.store.home import Home
    from raise_core.studies.demonstration import make_prrt
    from raise_core.studies.prrt_run import run_prrt
    from raise_core.studies.prrt_settings import PrrtSettings

    home = Home.at(path)
    make_prrt(home, patients=SMALL_PRRT_PATIENTS, seed=3)
    settings = PrrtSettings(models=SMALL_PRRT_MODELS, folds=2, lab_repeats=4, network_repeats=2, side_voxels=24)
    run_prrt(home, "demo-prrt", settings, device="cpu")


def small_settings(kind):
    """Settings of the small home's run."""
    return kind(weeks=SMALL_WEEKS, encoder="efficientnet-lite0-imagenet", splits=SMALL_SPLITS, input_px=64)
