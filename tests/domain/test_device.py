from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import asdict

import pytest
import torch

from raise_core.domain.device import DevicePlan, choose_device, one_thread, plan_for
from raise_core.domain.errors import BadUsageError


@pytest.fixture
def no_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def with_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


def test_auto_is_the_cpu_without_cuda(no_cuda):
    assert choose_device("auto") == torch.device("cpu")


def test_auto_is_cuda_where_there_is_one(with_cuda):
    assert choose_device("auto") == torch.device("cuda")
    assert choose_device("cpu") == torch.device("cpu")


def test_asking_for_a_missing_cuda_names_the_remedy(no_cuda):
    with pytest.raises(BadUsageError, match="--device cpu"):
        choose_device("cuda")


def test_unknown_device_is_refused():
    with pytest.raises(BadUsageError, match="'tpu' is not known"):
        choose_device("tpu")


def test_half_precision_and_pinning_are_for_cuda_only(no_cuda, monkeypatch):
    on_cpu = plan_for("auto")
    assert (on_cpu.device, on_cpu.autocast, on_cpu.pin_memory, on_cpu.non_blocking) == ("cpu", False, False, False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    on_cuda = plan_for("auto")
    assert (on_cuda.device, on_cuda.autocast, on_cuda.pin_memory, on_cuda.non_blocking) == ("cuda", True, True, True)
    assert on_cpu.channels_last
    assert on_cuda.channels_last
    assert on_cuda.torch_device() == torch.device("cuda")


def test_autocast_context_does_nothing_on_the_cpu(no_cuda):
    with plan_for("cpu").autocast_context():
        assert not torch.is_autocast_enabled("cpu")
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_compile_is_never_chosen_by_itself(no_cuda):
    assert not plan_for("auto").compile
    assert plan_for("cpu", compile_model=True).compile


def test_a_plan_travels_between_processes_and_into_json(no_cuda):
    plan = plan_for("cpu")
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert DevicePlan(**json.loads(json.dumps(asdict(plan)))) == plan


def test_one_thread_restores_what_was_before():
    before = torch.get_num_threads()
    inside = []

    def fail():
        with one_thread():
            inside.append(torch.get_num_threads())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert inside == [1]
    assert torch.get_num_threads() == before


def test_importing_the_module_does_not_import_torch():
    code = "import sys, raise_core.domain.device; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
