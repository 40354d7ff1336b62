from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

from raise_core.domain.errors import BadUsageError, WeightsMissingError
from raise_core.features.registry import DEFAULT_ENCODER, ENCODERS, encoder_named, encoder_status


def test_the_three_encoders_say_what_they_give():
    assert {name: (kind.feature_count, kind.default_input_px) for name, kind in ENCODERS.items()} == {
        "resnet50-imagenet": (2048, 224),
        "resnet152-ct": (2048, 224),
        "efficientnet-lite0-imagenet": (1280, 128),
    }
    assert DEFAULT_ENCODER == "resnet50-imagenet"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(BadUsageError, match="efficientnet-lite0-imagenet"):
        encoder_named("resnet18")


@pytest.mark.parametrize("name", list(ENCODERS))
def test_a_file_with_other_content_is_refused_with_both_checksums(tmp_path, name):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"something else")
    digest = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(WeightsMissingError, match=f"SHA-256 begins {digest[:8]}, expected") as caught:
        encoder_named(name, weights_file=path)
    assert str(path) in str(caught.value)
    with pytest.raises(WeightsMissingError, match="no such file"):
        encoder_named(name, weights_file=tmp_path / "absent.pth")


def test_status_names_every_encoder_without_importing_torch(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    status = {one.name: one for one in encoder_status()}
    assert status.keys() == ENCODERS.keys()
    assert status["efficientnet-lite0-imagenet"].available
    assert not status["resnet50-imagenet"].available
    assert "Remedies" in status["resnet50-imagenet"].detail
    code = "import sys; from raise_core.features.registry import *; encoder_status(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
