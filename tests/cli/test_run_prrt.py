"""`run prrt` from a terminal: what is finished is not queued again, mistakes are said."""

import json
import shutil

import pytest

from raise_core.store.home import Home
from raise_core.studies.prrt_runs import all_prrt_runs

pytestmark = pytest.mark.slow


def test_the_same_run_is_queued_once_from_the_command_line(call, small_prrt_home, tmp_path):
    (run,) = all_prrt_runs(Home.at(small_prrt_home))
    home = tmp_path / "home"
    shutil.copytree(small_prrt_home, home)
    settings = run.settings
    options = ["--folds", settings.folds, "--repeats", settings.network_repeats, "--lab-repeats", settings.lab_repeats]
    code, out, _ = call(
        "--home", home, "--json", "run", "prrt", "--study", "demo-prrt", "--models", ",".join(settings.models),
        "--side", settings.side_voxels, *options, "--queue",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out) == {"job": None, "run_id": run.run_id}


def test_a_model_that_is_none_is_wrong_usage(call, small_prrt_home):
    code, out, err = call("--home", small_prrt_home, "run", "prrt", "--study", "demo-prrt", "--models", "pet+mri")
    assert (code, out) == (2, "")
    assert "'mri'" in err
