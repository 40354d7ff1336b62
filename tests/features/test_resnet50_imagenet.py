from __future__ import annotations

import hashlib
import urllib.error

import pytest
import torch
from torchvision.models import ResNet50_Weights, resnet50

from raise_core.domain.errors import WeightsMissingError
from raise_core.features import resnet50_imagenet
from raise_core.features.registry import encoder_named


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_files_are_those_torchvision_publishes():
    urls = {weights.url for weights in ResNet50_Weights}
    assert {resnet50_imagenet.DOWNLOAD_URL + name for name in resnet50_imagenet.WEIGHT_FILES} == urls
    transforms = ResNet50_Weights.IMAGENET1K_V2.transforms()
    assert list(resnet50_imagenet.KIND.normalisation.mean) == transforms.mean
    assert list(resnet50_imagenet.KIND.normalisation.sd) == transforms.std


def test_the_cache_is_where_torch_has_it(empty_cache, monkeypatch):
    assert resnet50_imagenet.cache_folder() == empty_cache
    assert torch.hub.get_dir() == str(empty_cache.parent)
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(empty_cache))
    assert str(resnet50_imagenet.cache_folder()) == torch.hub.get_dir() + "/checkpoints"


def test_missing_weights_name_three_remedies_and_nothing_stands_in(empty_cache, monkeypatch):
    def unreachable(*args, **kwargs):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    for download in (False, True):
        with pytest.raises(WeightsMissingError) as caught:
            encoder_named("resnet50-imagenet", download=download)
        for words in ("--weights FILE", str(empty_cache), resnet50_imagenet.DOWNLOAD_URL):
            assert words in str(caught.value)
    assert not list(empty_cache.iterdir())


def test_a_damaged_file_in_the_cache_is_refused(empty_cache):
    (empty_cache / "resnet50-11ad3fa6.pth").write_bytes(b"cut off download")
    with pytest.raises(WeightsMissingError, match="expected 11ad3fa6"):
        encoder_named("resnet50-imagenet")


def test_features_are_torchvisions_before_its_classifier(empty_cache, monkeypatch):
    torch.manual_seed(0)
    reference = resnet50(weights=None)
    for module in reference.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as after training: every statistic away from its start
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2.0)
            torch.nn.init.uniform_(module.weight, 0.5, 1.2)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    path = empty_cache / "weights.pth"
    torch.save(reference.state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path = path.rename(empty_cache / f"resnet50-{digest[:8]}.pth")
    monkeypatch.setattr(resnet50_imagenet, "WEIGHT_FILES", {path.name: "made for this test"})
    from_file = encoder_named("resnet50-imagenet", weights_file=path)
    from_cache = encoder_named("resnet50-imagenet")
    assert from_cache.weights_sha256 == from_file.weights_sha256 == digest
    reference.fc = torch.nn.Identity()
    reference.eval()
    pictures = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        expected, got = reference(pictures), from_cache.network()(pictures)
    assert got.shape == (2, from_cache.feature_count)
    assert torch.allclose(got, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
