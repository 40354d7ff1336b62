"""Maps of networks whose answer is known: a linear one, one that looks for a blob, one that ignores its weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from raise_core.domain.attention_results import PatientAttention
from raise_core.domain.errors import BadInputError, NotInStoreError
from raise_core.evaluation.attribution import (
    ExplainedNetwork,
    branch_layers,
    grad_cam,
    integrated_gradients,
    shuffled_weights,
    smoothed,
)
from raise_core.evaluation.attribution_share import (
    attribution_share,
    body_mask,
    map_correlation,
    map_similarity,
    randomisation_check,
    summarise_shares,
    volume_share,
)

SIDE = 12
SHAPE = (SIDE, SIDE, SIDE)
BLOB = (slice(7, 10), slice(2, 5), slice(6, 9))


class Linear(nn.Module):
    """The sum of voxels, each with its own weight."""

    def __init__(self) -> None:
        super().__init__()
        self.pet = nn.Parameter(torch.randn(1, 1, *SHAPE, generator=torch.Generator().manual_seed(1)))
        self.ct = nn.Parameter(torch.randn(1, 1, *SHAPE, generator=torch.Generator().manual_seed(2)))


def linear_risk(network, images):
    return sum((getattr(network, name) * values).flatten(1).sum(1) for name, values in images.items()) + 0.7


class Branches(nn.Module):
    """One small branch of convolutions for each image, joined by dense layers, as the fusion models are."""

    def __init__(self, names=("pet", "ct"), *, seed=0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.branches = nn.ModuleDict(
            {
                name: nn.Sequential(
                    nn.Conv3d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv3d(6, 6, 3, stride=2, padding=1), nn.ReLU(),
                    nn.Conv3d(6, 8, 3, stride=2, padding=1), nn.ReLU(), nn.AdaptiveMaxPool3d(1), nn.Flatten(),
                )
                for name in names
            }
        )  # fmt: skip
        self.head = nn.Sequential(nn.Linear(8 * len(names), 8), nn.ReLU(), nn.Linear(8, 1))


def branch_risk(network, images):
    return network.head(torch.cat([network.branches[name](images[name]) for name in network.branches], 1)).squeeze(1)


def scans(seed=0, *, blob=True):
    rng = np.random.default_rng(seed)
    pet = np.abs(rng.normal(0, 0.05, SHAPE)).astype(np.float32)
    ct = rng.uniform(0.3, 0.5, SHAPE).astype(np.float32)
    if blob:
        pet[BLOB] += 0.8
    return {"pet": pet, "ct": ct}


@pytest.fixture(scope="module")
def trained():
    """A network that learnt to tell patients with a bright spot in the PET from those without; the spot moves."""
    rng = np.random.default_rng(5)
    network = Branches()
    pet = np.abs(rng.normal(0, 0.05, (48, 1, *SHAPE))).astype(np.float32)
    ct = rng.uniform(0.3, 0.5, (48, 1, *SHAPE)).astype(np.float32)
    label = np.arange(48) % 2
    for case in np.flatnonzero(label):
        i, j, k = rng.integers(1, SIDE - 4, 3)
        pet[case, 0, i : i + 3, j : j + 3, k : k + 3] += 0.8
    images = {"pet": torch.from_numpy(pet), "ct": torch.from_numpy(ct)}
    target = torch.from_numpy(label.astype(np.float32))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimiser.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(branch_risk(network, images), target)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.1
    return ExplainedNetwork(network.eval(), branch_risk)


def test_integrated_gradients_of_a_linear_network_are_weight_times_value():
    network = Linear()
    images = scans()
    found = integrated_gradients(ExplainedNetwork(network, linear_risk), images, steps=4)
    for name, values in images.items():
        expected = getattr(network, name).detach().numpy()[0, 0] * values
        np.testing.assert_allclose(found.maps[name], expected, rtol=1e-5, atol=1e-7)
    assert found.reference_score == pytest.approx(0.7)
    assert abs(found.completeness_gap) < 1e-4


def test_another_reference_takes_its_place():
    network = ExplainedNetwork(Linear(), linear_risk)
    images = scans()
    flat = {name: np.full(SHAPE, values.mean(), dtype=np.float32) for name, values in images.items()}
    found = integrated_gradients(network, images, reference=flat, steps=4)
    expected = network.network.ct.detach().numpy()[0, 0] * (images["ct"] - flat["ct"])
    np.testing.assert_allclose(found.maps["ct"], expected, rtol=1e-4, atol=1e-6)
    assert abs(found.completeness_gap) < 1e-3


def test_attributions_add_up_to_what_they_explain(trained):
    found = integrated_gradients(trained, scans(), steps=32)
    total = sum(values.sum() for values in found.maps.values())
    assert found.score - found.reference_score > 1, "the spot raises the risk"
    assert total == pytest.approx(found.score - found.reference_score, rel=0.05)
    assert abs(found.completeness_gap) < 0.05


def test_an_image_in_pieces_gives_the_same_map(trained):
    whole = integrated_gradients(trained, scans(), steps=16, batch=16)
    parts = integrated_gradients(trained, scans(), steps=16, batch=3)
    np.testing.assert_allclose(whole.maps["pet"], parts.maps["pet"], rtol=1e-3, atol=1e-6)


def test_empty_voxels_get_nothing(trained):
    images = scans()
    images["pet"][:3] = 0
    assert not integrated_gradients(trained, images, steps=4).maps["pet"][:3].any()


def test_each_image_has_its_own_layer_and_the_last_one_with_a_place(trained):
    found = branch_layers(trained, scans())
    assert found["pet"] is trained.network.branches["pet"][2], "the layer after it has 3 voxels a side"
    assert found["ct"] is trained.network.branches["ct"][2]


def test_a_layer_that_both_images_reach_belongs_to_neither():
    network = nn.Conv3d(2, 1, 3, padding=1)
    both = ExplainedNetwork(network, lambda net, x: net(torch.cat([x["pet"], x["ct"]], 1)).flatten(1).sum(1))
    assert branch_layers(both, scans()) == {}
    assert grad_cam(both, scans()) == {}


def test_grad_cam_finds_the_planted_spot(trained):
    found = grad_cam(trained, scans())["pet"]
    assert found.shape == SHAPE
    hottest = np.unravel_index(np.argmax(found), SHAPE)
    centre = [(part.start + part.stop - 1) / 2 for part in BLOB]
    assert np.linalg.norm(np.subtract(hottest, centre)) <= 3, "a voxel and a half of the layer"


def test_the_share_inside_the_planted_spot_is_many_times_its_volume(trained):
    images = scans()
    lesion = np.zeros(SHAPE, dtype=bool)
    lesion[BLOB] = True
    body = body_mask(list(images.values()))
    maps = integrated_gradients(trained, images).maps
    assert attribution_share(maps["pet"], lesion, body=body) > 10 * volume_share(lesion, body)


@pytest.fixture(scope="module")
def knows_the_place():
    """A network that learnt that brightness counts in one place and not elsewhere."""
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    network = nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * SIDE**3, 1))
    pet = rng.uniform(0.3, 0.6, (48, 1, *SHAPE)).astype(np.float32)
    label = np.arange(48) % 2
    pet[:, 0, 1:4, 8:11, 1:4] += rng.uniform(0, 0.4, 48)[:, None, None, None].astype(np.float32)  # says nothing
    pet[:, 0][(slice(None), *BLOB)] += 0.4 * label[:, None, None, None]
    images, target = torch.from_numpy(pet), torch.from_numpy(label.astype(np.float32))
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01, weight_decay=3.0)
    for _ in range(150):
        optimiser.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(network(images).squeeze(1), target)
        loss.backward()
        optimiser.step()
    explained = ExplainedNetwork(network.eval(), lambda net, x: net(x["pet"]).squeeze(1))
    return explained, [pet[case, 0] for case in range(1, 9, 2)]


def test_a_shuffled_network_gives_other_maps(knows_the_place):
    network, images = knows_the_place
    body, rows = np.ones(SHAPE, dtype=bool), []
    for seed, image in enumerate(images):
        true = integrated_gradients(network, {"pet": image}, steps=8).maps["pet"]
        other = integrated_gradients(network.with_shuffled_weights(seed=seed), {"pet": image}, steps=8).maps["pet"]
        rows.append(
            (
                map_correlation(true, other, body=body),
                map_correlation(true, other, body=body, signed=True),
                map_similarity(true, other),
            )
        )
    check = randomisation_check(*zip(*rows, strict=True))
    assert check.passed
    assert check.correlation.value < 0.3
    assert abs(check.signed.value) < 0.3


def test_the_check_fails_where_the_weights_do_not_matter():
    """A method that only draws the image again passes every look, and must not pass this."""

    class Edges(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = nn.Parameter(torch.ones(5))

    network = ExplainedNetwork(Edges(), lambda net, x: net.weights.mean() * (x["pet"] ** 2).flatten(1).sum(1))
    rows = []
    for seed in range(4):
        images = {"pet": scans(seed)["pet"]}
        true = integrated_gradients(network, images, steps=4).maps["pet"]
        other = integrated_gradients(network.with_shuffled_weights(seed=seed), images, steps=4).maps["pet"]
        body = np.ones(SHAPE, dtype=bool)
        rows.append(
            (
                map_correlation(true, other, body=body),
                map_correlation(true, other, body=body, signed=True),
                map_similarity(true, other),
            )
        )
    check = randomisation_check(*zip(*rows, strict=True))
    assert not check.passed
    assert check.correlation.value == pytest.approx(1.0)
    assert check.similarity.value == pytest.approx(1.0)


def test_shuffling_keeps_the_weights_and_leaves_the_network_alone(trained):
    before = [parameter.detach().clone() for parameter in trained.network.parameters()]
    copied = shuffled_weights(trained.network, seed=3)
    for old, now, new in zip(before, trained.network.parameters(), copied.parameters(), strict=True):
        assert torch.equal(old, now)
        assert torch.equal(old.flatten().sort().values, new.detach().flatten().sort().values)
    again = shuffled_weights(trained.network, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(copied.parameters(), again.parameters(), strict=True))


def test_two_dimensions_work_as_three_do():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1))
    flat = ExplainedNetwork(network, lambda net, x: net(x["picture"]).flatten(1).mean(1))
    images = {"picture": scans()["pet"][7]}
    assert integrated_gradients(flat, images).maps["picture"].shape == (SIDE, SIDE)
    assert grad_cam(flat, images)["picture"].shape == (SIDE, SIDE)


def test_an_image_with_a_hole_in_its_numbers_is_refused(trained):
    images = scans()
    images["ct"][0, 0, 0] = np.nan
    with pytest.raises(BadInputError, match="ct image"):
        integrated_gradients(trained, images)


def test_smoothing_keeps_the_sum():
    values = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    assert smoothed(values).sum() == pytest.approx(values.sum(), abs=1e-2)


def test_a_share_is_of_amounts_inside_the_body():
    values = np.array([[1.0, -3.0], [4.0, 100.0]])
    lesion = np.array([[False, True], [False, False]])
    body = np.array([[True, False], [True, False]])
    assert attribution_share(values, lesion, body=body) == pytest.approx(3 / 8), "a lesion counts as body"
    assert attribution_share(values, lesion) == pytest.approx(3 / 108)
    assert np.isnan(attribution_share(np.zeros((2, 2)), lesion))
    with pytest.raises(BadInputError, match="one grid"):
        attribution_share(values, lesion[:1])


def test_the_body_has_no_holes():
    image = np.zeros((1, 9, 9), dtype=np.float32)
    image[0, 2:7, 2:7] = 0.5
    image[0, 4, 4] = 0  # lung
    assert body_mask([image]).sum() == 25


def patient(number, share, lesion=0.02, brightness=0.1):
    return PatientAttention(f"P{number}", share, lesion, brightness, 0.0, 0.0)


def test_shares_are_summarised_over_patients_with_an_interval():
    rng = np.random.default_rng(0)
    shares = rng.uniform(0.05, 0.25, 60)
    found = summarise_shares([patient(n, share) for n, share in enumerate(shares)])
    assert found.patients == 60
    assert found.share.value == pytest.approx(shares.mean())
    standard_error = shares.std() / np.sqrt(60)
    assert found.share.high - found.share.low == pytest.approx(3.92 * standard_error, rel=0.1)
    assert found.times_even.value == pytest.approx(shares.mean() / 0.02)
    assert found.times_brightness.value == pytest.approx(shares.mean() / 0.1)


def test_who_has_no_lesion_or_no_attribution_is_counted_apart():
    rows = [patient(0, 0.1), patient(1, 0.2), patient(2, np.nan, lesion=0.0), patient(3, np.nan)]
    found = summarise_shares(rows)
    assert (found.patients, found.without_lesion, found.without_attribution) == (2, 1, 1)
    assert found.share.low is None, "two patients give no interval"
    with pytest.raises(NotInStoreError, match="no share"):
        summarise_shares(rows[2:])


def test_a_map_that_does_not_vary_has_no_correlation():
    flat, body = np.ones(SHAPE), np.ones(SHAPE, dtype=bool)
    assert np.isnan(map_correlation(flat, flat, body=body))
    with pytest.raises(NotInStoreError, match="no map varies"):
        randomisation_check([np.nan], [np.nan], [np.nan])


def test_networks_that_agree_no_more_than_with_a_shuffled_one_do_not_pass():
    rows = [0.3, 0.32, 0.28], [0.0, 0.0, 0.1], [0.4, 0.4, 0.4]
    assert randomisation_check(*rows, repeatability=[0.8, 0.7, np.nan]).passed
    assert not randomisation_check(*rows, repeatability=[0.3, 0.2, 0.3]).passed
