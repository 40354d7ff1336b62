from __future__ import annotations

import pickle

import pytest
import torch
from safetensors.torch import save_file

from raise_core.domain.errors import BadInputError
from raise_core.features.branch_checkpoint import branch_checkpoint, fitted_to


@pytest.fixture
def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv3d(1, 4, 3), torch.nn.BatchNorm3d(4), torch.nn.Flatten())


def same(found, network):
    assert found.keys() == network.state_dict().keys()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(found[name], value)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 7},
        lambda state: {"model": {f"module.{name}": value for name, value in state.items()}},
    ],
)
def test_torch_files_as_training_programs_write_them(network, tmp_path, wrapped):
    torch.save(wrapped(network.state_dict()), tmp_path / "branch.pt")
    found = branch_checkpoint(tmp_path / "branch.pt")
    same(found, network)
    same(fitted_to(found, network.state_dict(), source="branch.pt"), network)


def test_safetensors_in_half_precision_come_back_as_float32(network, tmp_path):
    half = {name: value.half() if value.is_floating_point() else value for name, value in network.state_dict().items()}
    save_file(half, tmp_path / "branch.safetensors")
    found = branch_checkpoint(tmp_path / "branch.safetensors")
    assert found["0.weight"].dtype == torch.float32
    torch.testing.assert_close(found["0.weight"], network.state_dict()["0.weight"], atol=1e-3, rtol=0)


class Trap:
    """What a hostile file holds: code that runs when the file is opened carelessly."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return open, (str(self.target), "w")


@pytest.mark.parametrize("name", ["branch.pt", "branch.pth"])
def test_code_in_a_file_never_runs(tmp_path, name):
    target = tmp_path / "was_run"
    torch.save({"state_dict": Trap(target)}, tmp_path / name)
    with pytest.raises(BadInputError, match=r"more than tensors.*state_dict"):
        branch_checkpoint(tmp_path / name)
    (tmp_path / name).write_bytes(pickle.dumps(Trap(target)))
    with pytest.raises(BadInputError):
        branch_checkpoint(tmp_path / name)
    assert not target.exists()


def test_files_that_are_no_checkpoints_are_refused(network, tmp_path):
    with pytest.raises(BadInputError, match="no such checkpoint"):
        branch_checkpoint(tmp_path / "nowhere.pt")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(BadInputError, match="safetensors"):
        branch_checkpoint(tmp_path / "notes.txt")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{}")
    with pytest.raises(BadInputError, match="no whole safetensors"):
        branch_checkpoint(tmp_path / "cut.safetensors")
    torch.save(network.state_dict(), tmp_path / "whole.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "whole.pt").read_bytes()[:500])
    with pytest.raises(BadInputError, match="save it again|no set of tensors|more than tensors"):  # noqa: RUF043
        branch_checkpoint(tmp_path / "cut.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(BadInputError, match="no set of tensors"):
        branch_checkpoint(tmp_path / "list.pt")
    torch.save({"a": torch.zeros(2), "epoch": 3}, tmp_path / "mixed.pt")
    with pytest.raises(BadInputError, match="epoch"):
        branch_checkpoint(tmp_path / "mixed.pt")
    torch.save({"a": torch.tensor([1.0, float("nan")])}, tmp_path / "nan.pt")
    with pytest.raises(BadInputError, match="not finite numbers: a"):
        branch_checkpoint(tmp_path / "nan.pt")


def test_what_does_not_fit_is_refused_with_the_names_that_are_expected(network):
    expected = network.state_dict()
    with pytest.raises(BadInputError, match=r"mine\.pt.*1 are missing \(0\.weight\).*1 are not known \(conv\)"):
        fitted_to(
            {"conv": torch.zeros(2)} | {name: value for name, value in expected.items() if name != "0.weight"},
            expected,
            source="mine.pt",
        )
    with pytest.raises(BadInputError, match=r"0\.weight \(4, 1, 3, 3, 3\)"):
        fitted_to({}, expected, source="mine.pt")
    with pytest.raises(BadInputError, match=r"0\.bias \(9,\) instead of \(4,\)"):
        fitted_to({**expected, "0.bias": torch.zeros(9)}, expected, source="mine.pt")


def test_counters_of_batch_normalisation_may_be_missing(network):
    without = {name: value for name, value in network.state_dict().items() if "num_batches" not in name}
    same(fitted_to(without, network.state_dict(), source="mine.pt"), network)
