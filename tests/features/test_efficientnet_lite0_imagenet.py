from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torchvision.models import ResNet50_Weights

from raise_core.features import efficientnet_lite0_imagenet
from raise_core.features.registry import encoder_named

CATEGORIES = ResNet50_Weights.IMAGENET1K_V1.meta["categories"]


def photograph(name, px):
    photo = Image.fromarray(load_sample_image(name))
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    square = photo.crop((left, top, left + side, top + side)).resize((px, px), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(square).copy()).permute(2, 0, 1).float()[None] / 255


def normalised(pictures):
    normalisation = efficientnet_lite0_imagenet.KIND.normalisation
    mean, sd = (torch.tensor(values).view(1, 3, 1, 1) for values in (normalisation.mean, normalisation.sd))
    return (pictures - mean) / sd


def test_normalisation_is_that_of_the_lite_networks():
    x = torch.rand(1, 3, 4, 4)
    assert torch.allclose(normalised(x), (x * 255 - 127) / 128, atol=1e-6)


def test_weights_see_what_is_in_photographs():
    weights = encoder_named("efficientnet-lite0-imagenet").weights
    network = efficientnet_lite0_imagenet.classifier(weights)
    seen = {}
    with torch.inference_mode():
        for name in ("flower.jpg", "china.jpg"):
            top = network(normalised(photograph(name, 224))).softmax(dim=1).topk(5).indices[0].tolist()
            seen[name] = [CATEGORIES[index] for index in top]
    assert seen["flower.jpg"][0] == "daisy"  # ImageNet's nearest class to the dahlia that it is
    assert seen["china.jpg"][0] == "palace"


def test_folded_features_are_the_packages_own():
    encoder = encoder_named("efficientnet-lite0-imagenet")
    original = efficientnet_lite0_imagenet.classifier(encoder.weights)
    for px in (128, 224):
        pictures = torch.cat([normalised(photograph(name, px)) for name in ("flower.jpg", "china.jpg")])
        with torch.inference_mode():
            expected = original.extract_features(pictures).mean(dim=(2, 3))
            got = encoder.network()(pictures)
        assert got.shape == (2, 1280)
        assert torch.allclose(got, expected, atol=1e-4)
