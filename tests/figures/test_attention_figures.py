"""Slices with what moved the network over them, the patient map, and what is said of both."""

from __future__ import annotations

import numpy as np
import pytest

from raise_core.domain.attention_results import (
    AttentionShare,
    AttributionMethod,
    Estimate,
    FeatureMap,
    RandomisationCheck,
)
from raise_core.figures import attention_words
from raise_core.figures.attention_slices import (
    AttentionScene,
    OverlayOptions,
    attention_figure,
    overlay_limit,
    strongest_voxel,
)
from raise_core.figures.attention_tables import ShareLine, share_table
from raise_core.figures.feature_map_figure import MapColour, feature_map_figure
from raise_core.figures.table_export import Origin, to_csv

SHAPE = (12, 10, 8)


def scene(at=(4, 3, 2), *, lesion=True):
    values = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    attribution = np.zeros(SHAPE, dtype=np.float32)
    attribution[4, 3, 2] = -2.0
    attribution[5, 6, 7] = 1.0
    mask = np.zeros(SHAPE, dtype=bool)
    mask[4:6, 3:5, 2:4] = True
    return AttentionScene(
        values, attribution, mask if lesion else None, (10.0, 8.0, 20.0), at, (0.0, 20.0), inverse=True, unit="SUV",
        image_name="PET",
    )  # fmt: skip


def heatmaps(figure):
    return [trace for trace in figure.data if trace.type == "heatmap"]


def test_the_planes_go_through_the_voxel_and_the_head_is_up():
    found = scene()
    figure = attention_figure(found, OverlayOptions(), theme="light")
    grey = [np.asarray(trace.z) for trace in heatmaps(figure)[::2]]
    np.testing.assert_array_equal(grey[0], found.values[4])
    np.testing.assert_array_equal(grey[1], found.values[::-1, 3])
    np.testing.assert_array_equal(grey[2], found.values[::-1, :, 2])
    np.testing.assert_array_equal(grey[3], found.values.max(axis=1)[::-1])
    assert strongest_voxel(found.attribution) == (4, 3, 2)


def test_the_patients_right_is_at_the_left_and_rows_run_down():
    figure = attention_figure(scene(), OverlayOptions(), theme="dark")
    letters = {note.text: note for note in figure.layout.annotations if note.xref == "x" and len(note.text) == 1}
    assert letters["R"].x < letters["L"].x
    assert letters["A"].y < letters["P"].y
    low, high = figure.layout.yaxis.range
    assert low > high, "row 0, the front, is at the top"
    coronal = {note.text: note for note in figure.layout.annotations if note.xref == "x2" and len(note.text) == 1}
    assert coronal["S"].y < coronal["I"].y
    assert any(note.text == "100 mm" for note in figure.layout.annotations)
    bars = [shape for shape in figure.layout.shapes if shape.type == "line"]
    assert all(bar.x1 - bar.x0 == pytest.approx(100.0) for bar in bars)


def test_amounts_and_directions():
    amounts = heatmaps(attention_figure(scene(), OverlayOptions(), theme="light"))[1]
    assert np.asarray(amounts.z).min() == 0
    signed = heatmaps(attention_figure(scene(), OverlayOptions(signed=True), theme="light"))[1]
    assert np.asarray(signed.z)[3, 2] == -2
    assert signed.zmin == -signed.zmax
    assert "1.000" in amounts.colorscale[-1][1].replace("0.700", "1.000")
    projected = np.asarray(heatmaps(attention_figure(scene(), OverlayOptions(signed=True), theme="light"))[-1].z)
    assert projected.min() == -2, "the projection keeps the sign of the strongest"


def test_outlines_can_be_left_out_and_a_map_of_nothing_is_drawn():
    def outlines(figure):
        return [trace for trace in figure.data if trace.type == "contour"]

    assert len(outlines(attention_figure(scene(), OverlayOptions(), theme="light"))) == 4
    assert not outlines(attention_figure(scene(), OverlayOptions(outline=False), theme="light"))
    assert not outlines(attention_figure(scene(lesion=False), OverlayOptions(), theme="light"))
    assert overlay_limit(np.zeros(SHAPE, dtype=np.float32)) == 1.0


def share(times_low=5.0, bright=(1.1, 2.0)):
    return AttentionShare(
        116, 2, 0, Estimate(0.12, 0.1, 0.14), Estimate(0.014, 0.012, 0.016), Estimate(0.08, 0.07, 0.09),
        Estimate(8.6, times_low, 10.4), Estimate(1.5, *bright),
    )  # fmt: skip


def check(correlation, signed=0.1, *, passed=None):
    limit = 0.5
    estimates = [Estimate(value, value - 0.05, value + 0.05) for value in (correlation, signed, 0.4)]
    return RandomisationCheck(116, *estimates, 0.8, correlation < limit if passed is None else passed, limit)


def test_the_headline_holds_the_numbers_with_their_uncertainty():
    words = attention_words.headline(share(), image="pet")
    assert words.startswith(
        "12 % of what moved the PET branch lies inside marked lesions, which fill 1.4 % of the body: 8.6 times as much "
        "as if it were spread evenly (95 % CI 5.0–10; 116 patients)."
    )
    assert "Lesions hold 8.0 % of the tracer uptake itself" in words
    assert "more than their brightness explains" in words
    assert "brightness alone may explain it" in attention_words.headline(share(bright=(0.9, 1.2)), image="ct")
    assert "only follows brightness" in attention_words.headline(share(bright=(0.5, 0.9)), image="pet")
    doubted = attention_words.headline(share(), image="pet", believed=False)
    assert "fail their check" in doubted
    assert "brightness" not in doubted
    assert attention_words.left_out(share()) == "Left out of the share: 2 without a marked lesion."


def test_the_verdict_says_what_failing_means():
    assert attention_words.verdict(check(0.12)).startswith("Check passed.")
    assert "0.12 (95 % CI 0.07 to 0.17)" in attention_words.verdict(check(0.12))
    assert "mostly given by the image" in attention_words.verdict(check(0.8))
    assert "an untrained network would give nearly the same maps" in attention_words.verdict(check(0.8, signed=0.7))
    assert "comes by chance of training" in attention_words.verdict(check(0.4, passed=False))
    assert "agree with each other at 0.80" in attention_words.verdict(check(0.12))


def test_the_table_can_be_taken_away():
    origin = Origin("demo", "Demo", "s" * 32, "", simulated=True, patients=116)
    lines = [
        ShareLine("PET", "pet", AttributionMethod.INTEGRATED, share(), check(0.8)),
        ShareLine("CT", "ct", AttributionMethod.GRAD_CAM, None, None),
    ]
    text = to_csv(share_table(lines, origin)).decode("utf-8-sig")
    assert "12 % (10–14 %)" in text
    assert "failed" in text
    assert text.count("\n") == 3


def feature_map():
    rng = np.random.default_rng(0)
    return FeatureMap(
        tuple(f"P{n}" for n in range(6)), np.array([True, False] * 3), rng.normal(size=(6, 2)), rng.normal(size=(6, 2)),
        (0.6, 0.2), 16, 5, 0.1, 0,
    )  # fmt: skip


def test_a_category_has_a_trace_each_and_open_symbols_for_the_trained_on():
    colour = MapColour("Class", levels=("Long", "Short", "Long", "", "Short", "Long"), colours={"Long": "#2F8F8F"})
    figure = feature_map_figure(feature_map(), colour, by_components=False, theme="light")
    assert [trace.name for trace in figure.data] == ["Long (3)", "Short (2)", "not known (1)"]
    assert figure.data[0].marker.color == "#2F8F8F"
    assert figure.data[0].marker.symbol == ("circle", "circle", "circle-open")
    assert figure.data[0].customdata[0][0] == "P0"
    assert "no unit" in figure.layout.xaxis.title.text


def test_a_number_has_a_bar_and_the_unknown_stand_apart():
    colour = MapColour("CgA (µg/L)", numbers=(1.0, 10.0, 100.0, float("nan"), 1000.0, 5.0), logarithmic=True)
    figure = feature_map_figure(feature_map(), colour, by_components=True, theme="dark")
    assert [trace.name for trace in figure.data] == ["not known (1)", "known (5)"]
    assert figure.data[1].marker.colorbar.ticktext[0] == "1"
    assert figure.data[1].marker.colorbar.ticktext[-1] == "1,000"
    assert figure.layout.xaxis.title.text == "Component 1 (60 % of the spread)"


def test_a_filter_leaves_patients_out():
    colour = MapColour("Class", levels=("Long",) * 6)
    figure = feature_map_figure(
        feature_map(), colour, by_components=False, shown=[True, False, True, False, False, False], theme="light"
    )
    assert len(figure.data[0].x) == 2
