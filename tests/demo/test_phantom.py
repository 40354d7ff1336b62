"""Drawn slabs: outlines, contours and what Hounsfield units say of tissue, phase and tumour state."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from raise_core.demo.anatomy import Anatomy
from raise_core.demo.contour import draw_contour
from raise_core.demo.outline import TABLE
from raise_core.demo.phantom import STATE_CORRELATION, ScanLook, look_of, render
from raise_core.demo.scanner import GRID, KERNELS, NoisePool, Scanner, choose_scanner
from raise_core.demo.tumour import draw_outline, longest_diameter, place

PIXEL_MM = 1.9
QUIET = Scanner("Siemens", KERNELS["Siemens"][1], PIXEL_MM, 0.0)


def longest_diameter_mm(mask: np.ndarray, *, pixel_mm: float) -> float:
    """Longest distance between centres of the mask's pixels, half a pixel added for the raster."""
    return float(pdist(np.argwhere(mask)).max() + 0.5) * pixel_mm


@pytest.fixture(scope="module")
def pool() -> NoisePool:
    return NoisePool(5)


@pytest.fixture(scope="module")
def abdomen():
    return Anatomy(np.random.default_rng(4)).at(pixel_mm=PIXEL_MM, shift_mm=(0.0, 0.0))


@pytest.fixture(scope="module")
def tumours(abdomen):
    rng = np.random.default_rng(8)
    sizes = [34.0, 24.0, 18.0]
    found = place(
        rng,
        liver=abdomen.liver,
        pixel_mm=PIXEL_MM,
        lesion_ids=["T1", "T2", "T3"],
        largest_mm=sizes,
        irregularity=0.0,
    )
    return found, sizes


def draw(abdomen, tumours, pool, *, phase: str, state: float, offset: float = 0.0, seed: int = 1):
    found, sizes = tumours
    return render(
        abdomen,
        found,
        sizes,
        look=ScanLook(phase, 1.0, state),
        shift_mm=(0.0, 0.0),
        scanner=Scanner("Siemens", KERNELS["Siemens"][1], PIXEL_MM, offset),
        liver_offset_hu=0.0,
        texture_seeds=[np.random.default_rng(number) for number in range(len(found))],
        pool=pool,
        rng=np.random.default_rng(seed),
    )


def inside_lesions(tumours) -> np.ndarray:
    found, sizes = tumours
    mask = np.zeros(GRID, dtype=bool)
    for tumour, size in zip(found, sizes, strict=True):
        mask[tumour.slice_index] |= draw_contour(
            tumour,
            diameter_mm=0.85 * size,
            shift_mm=(0.0, 0.0),
            pixel_mm=PIXEL_MM,
            phase="portal",
            rng=np.random.default_rng(2),
        )
    return mask


@given(seed=st.integers(0, 10_000), irregularity=st.floats(-3, 3))
def test_outline_has_the_longest_diameter_it_promises(seed, irregularity):
    outline = draw_outline(np.random.default_rng(seed), irregularity=irregularity)
    theta = np.arange(TABLE) * 2 * np.pi / TABLE
    points = outline[:, None] * np.stack([np.cos(theta), np.sin(theta)], axis=1)
    widths = points @ np.stack([np.cos(theta[: TABLE // 2]), np.sin(theta[: TABLE // 2])])
    assert np.ptp(widths, axis=0).max() == pytest.approx(1.0, abs=0.005)
    assert longest_diameter(outline) == pytest.approx(1.0, abs=1e-5)
    assert outline.min() > 0.1


def test_irregular_patients_have_rougher_outlines():
    def roughness(irregularity: float) -> float:
        outlines = [draw_outline(np.random.default_rng(seed), irregularity=irregularity) for seed in range(40)]
        spectra = [np.abs(np.fft.rfft(outline))[3:8].sum() / outline.sum() for outline in outlines]
        return float(np.mean(spectra))

    assert roughness(-1.5) < 0.7 * roughness(0.0) < 0.7 * 0.7 * roughness(1.5)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), diameter=st.floats(12, 60), phase=st.sampled_from(["portal", "arterial"]))
def test_contour_is_as_long_as_the_lesion(seed, diameter, phase):
    rng = np.random.default_rng(seed)
    room = np.zeros(GRID, dtype=np.float32)
    room[:, 30:160, 30:160] = 1.0
    lesion = place(
        rng, liver=room, pixel_mm=PIXEL_MM, lesion_ids=["T1"], largest_mm=[diameter], irregularity=rng.normal()
    )[0]
    mask = draw_contour(lesion, diameter_mm=diameter, shift_mm=(1.0, -2.0), pixel_mm=PIXEL_MM, phase=phase, rng=rng)
    # 12 % holds about three standard deviations of the arterial contour's own error; a pixel is the raster's.
    assert abs(longest_diameter_mm(mask, pixel_mm=PIXEL_MM) - diameter) < 0.12 * diameter + PIXEL_MM


def test_lesions_lie_in_the_liver_and_apart(abdomen, tumours):
    found, sizes = tumours
    claimed = np.zeros(GRID, dtype=int)
    for tumour, size in zip(found, sizes, strict=True):
        mask = draw_contour(
            tumour,
            diameter_mm=size,
            shift_mm=(0.0, 0.0),
            pixel_mm=PIXEL_MM,
            phase="portal",
            rng=np.random.default_rng(0),
        )
        claimed[tumour.slice_index] += mask
        assert (abdomen.liver[tumour.slice_index][mask] > 0.5).mean() > 0.97
    assert claimed.max() == 1


def test_organs_lie_where_radiologists_expect_them(abdomen):
    columns = np.broadcast_to(np.arange(GRID[2]), GRID)
    liver = abdomen.liver > 0.5
    assert columns[liver].mean() < GRID[2] / 2 - 10  # the patient's right is the image's left
    rows = np.broadcast_to(np.arange(GRID[1])[:, None], GRID)
    spine = next(layer for layer in abdomen.layers if layer.tissue == "canal").full() > 0.5
    assert rows[spine].mean() > rows[abdomen.body > 0.5].mean() + 20  # supine: the back is below
    litres = liver.sum() * PIXEL_MM**2 * 5.0 / 1e6
    assert 0.2 < litres < 0.6  # three centimetres of a liver of about 1.5 litres
    assert (abdomen.body[liver] > 0.99).all()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_every_body_fits_its_field_of_view(seed):
    rng = np.random.default_rng(seed)
    anatomy = Anatomy(rng)
    scanner = choose_scanner(rng, body_reach_mm=anatomy.reach_mm + 4.0)
    assert 1.75 < scanner.pixel_mm < 2.15
    body = anatomy.at(pixel_mm=scanner.pixel_mm, shift_mm=(4.0, -4.0)).body
    edges = [body[:, 0], body[:, -1], body[:, :, 0], body[:, :, -1]]
    assert max(float(edge.max()) for edge in edges) == 0.0


def test_phases_enhance_as_they_should(abdomen, tumours, pool):
    arterial, portal = (draw(abdomen, tumours, pool, phase=phase, state=0.0) for phase in ("arterial", "portal"))
    aorta = next(layer for layer in abdomen.layers if layer.tissue == "aorta").full() > 0.99
    liver = (abdomen.liver > 0.99) & ~inside_lesions(tumours)
    assert 240 < np.median(arterial[aorta]) < 310
    assert 140 < np.median(portal[aorta]) < 190
    assert 60 < np.median(arterial[liver]) < 80
    assert 100 < np.median(portal[liver]) < 125
    assert (arterial[abdomen.body == 0] < -900).mean() > 0.99
    lesion = inside_lesions(tumours)
    assert np.mean(arterial[lesion]) > np.mean(arterial[liver]) + 15  # hypervascular
    assert np.mean(portal[lesion]) < np.mean(portal[liver])
    assert arterial.dtype == np.int16


@pytest.mark.parametrize("phase", ["arterial", "portal"])
def test_state_lowers_enhancement_and_roughens_texture(abdomen, tumours, pool, phase):
    lesion = inside_lesions(tumours)
    slabs = [draw(abdomen, tumours, pool, phase=phase, state=state)[lesion] for state in (-1.5, 0.0, 1.5)]
    means, spreads = [slab.mean() for slab in slabs], [slab.std() for slab in slabs]
    assert means[0] > means[1] + 5 > means[2] + 10
    assert spreads[2] > spreads[0] + 4


def test_scanner_offset_shifts_the_body_only(abdomen, tumours, pool):
    plain = draw(abdomen, tumours, pool, phase="portal", state=0.0)
    shifted = draw(abdomen, tumours, pool, phase="portal", state=0.0, offset=6.0)
    body = abdomen.body > 0.999
    assert np.abs((shifted - plain)[body] - 6).max() <= 1
    assert (shifted == plain)[abdomen.body == 0].all()


def test_portal_shows_the_state_more_clearly_than_arterial():
    rng = np.random.default_rng(3)
    states = rng.normal(size=4000) * 0.8
    for phase, expected in STATE_CORRELATION.items():
        shown = [look_of(rng, phase=phase, tumour_state=state).shown_state for state in states]
        slope = np.polyfit(states, shown, 1)[0]
        assert slope == pytest.approx(expected, abs=0.05)


def test_noise_differs_by_kernel(pool):
    rng = np.random.default_rng(0)
    for kernels in KERNELS.values():
        neighbours = []
        for kernel in kernels:
            noise = pool.cut(rng, width_px=kernel.noise_px)
            assert noise.std() == pytest.approx(1.0, abs=0.05)
            neighbours.append(float((noise[:, :, 1:] * noise[:, :, :-1]).mean()))
        assert neighbours == sorted(neighbours, reverse=True)  # softer kernels first, their noise the coarser
