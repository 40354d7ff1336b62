"""PET or CT in three planes and as a projection, with what moved the network laid over it.

Radiological orientation: the patient's right at the left of the picture, the front at the top of the axial slice and at
the left of the sagittal one, the head at the top of the others. All panels have one scale in mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from raise_core.figures.fusion_marks import LONG, SHORT
from raise_core.figures.identity import LESION, TEXT, Theme
from raise_core.figures.template import template

HEIGHT_PX = 420
RAISES, LOWERS = SHORT, LONG
"""Towards short and towards long progression-free survival."""

AMOUNT = "#D81B60"
"""Clear of the greys, of the lesion's green and of the colours of modalities, on black and on white."""

BRIGHTEST_QUANTILE = 0.999
"""The overlay is full here, so that one voxel does not hide the rest."""

SCALE_BAR_MM = 100.0
BAR_END = 0.95  # of the panel's width
LETTER_PX = 15
FloatImage = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class AttentionScene:
    """What is drawn.

    Attributes:
        values: (k, j, i) in the unit of `unit`, k to the head, j to the back, i to the left.
        attribution: same shape; positive raises the risk.
        lesion: same shape; None where no lesion is marked.
        spacing_mm: voxel size along i, j, k.
        at: voxel (k, j, i) through which the planes run.
        grey_range: values at either end of the grey scale.
        inverse: dark is high (PET).
        unit: 'SUV' or 'HU'.
        image_name: 'PET' or 'CT'.
    """

    values: FloatImage
    attribution: FloatImage
    lesion: NDArray[np.bool_] | None
    spacing_mm: tuple[float, float, float]
    at: tuple[int, int, int]
    grey_range: tuple[float, float]
    inverse: bool
    unit: str
    image_name: str


@dataclass(frozen=True)
class OverlayOptions:
    """How the overlay is drawn.

    Attributes:
        opacity: 0 to 1 where the attribution is strongest.
        signed: two colours for raising and lowering the risk, else one for the amount.
        outline: whether lesions are outlined.
    """

    opacity: float = 0.7
    signed: bool = False
    outline: bool = True


@dataclass(frozen=True, eq=False)
class _Panel:
    """One picture: rows downwards."""

    title: str
    values: FloatImage
    attribution: FloatImage
    lesion: NDArray[np.bool_] | None
    width_mm: float
    height_mm: float
    letters: tuple[str, str, str, str]


def strongest_voxel(attribution: FloatImage) -> tuple[int, int, int]:
    """Where the amount is largest: the planes to begin with."""
    k, j, i = np.unravel_index(int(np.abs(attribution).argmax()), attribution.shape)
    return int(k), int(j), int(i)


def attention_figure(scene: AttentionScene, options: OverlayOptions, *, theme: Theme) -> go.Figure:
    """Axial, coronal and sagittal slices and a projection from the front, side by side.

    Args:
        scene: what is drawn.
        options: how the overlay is drawn.
        theme: light or dark page.
    """
    panels = _panels(scene)
    full = overlay_limit(scene.attribution)
    widths = [panel.width_mm for panel in panels]
    widths[0] *= 1.5  # the axial slice is low and may be drawn larger
    gap = 0.035
    share = (1 - gap * (len(panels) - 1)) / sum(widths)
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"annotations": [], "shapes": []}
    left = 0.0
    for number, (panel, width) in enumerate(zip(panels, widths, strict=True), start=1):
        suffix = "" if number == 1 else str(number)
        domain = (left, left + width * share)
        left = domain[1] + gap
        traces += _traces(suffix, panel, scene, options, full=full)
        layout |= _axes(suffix, panel, domain)
        layout["annotations"] += _notes(suffix, panel, scene, theme=theme)
        layout["shapes"].append(_scale_bar(suffix, panel, scene))
    margin = {"l": 22, "r": 22, "t": 62, "b": 8}
    own = {"template": template(theme), "height": HEIGHT_PX, "showlegend": False, "margin": margin}
    return go.Figure({"data": traces, "layout": own | layout})


def overlay_limit(attribution: FloatImage) -> float:
    """Amount at which the overlay is full."""
    amounts = np.abs(attribution[attribution != 0])
    return float(np.quantile(amounts, BRIGHTEST_QUANTILE)) if amounts.size else 1.0


def _panels(scene: AttentionScene) -> tuple[_Panel, ...]:
    k, j, i = scene.at
    x_mm, y_mm, z_mm = scene.spacing_mm
    depth, rows, columns = scene.values.shape
    lesion = scene.lesion
    strongest = np.abs(scene.attribution).argmax(axis=1, keepdims=True)
    projected = np.take_along_axis(scene.attribution, strongest, axis=1)[:, 0]
    across, up, deep = columns * x_mm, depth * z_mm, rows * y_mm

    def cut(where: tuple[int | slice, ...]) -> tuple[FloatImage, FloatImage, NDArray[np.bool_] | None]:
        return scene.values[where], scene.attribution[where], None if lesion is None else lesion[where]

    every, head_up = slice(None), slice(None, None, -1)
    axial = f"Axial, slice {k + 1} of {depth}"
    return (
        _Panel(axial, *cut((k, every, every)), across, deep, ("R", "L", "A", "P")),
        _Panel("Coronal", *cut((head_up, j, every)), across, up, ("R", "L", "S", "I")),
        _Panel("Sagittal", *cut((head_up, every, i)), deep, up, ("A", "P", "S", "I")),
        _Panel(
            "Projection (maximum)", scene.values.max(axis=1)[head_up], projected[head_up],
            None if lesion is None else np.asarray(lesion.any(axis=1))[head_up], across, up, ("R", "L", "S", "I"),
        ),
    )  # fmt: skip


def _traces(
    suffix: str, panel: _Panel, scene: AttentionScene, options: OverlayOptions, *, full: float
) -> list[dict[str, Any]]:
    """Greys, overlay, outline."""
    rows, columns = panel.values.shape
    x = (np.arange(columns) + 0.5) * panel.width_mm / columns
    y = (np.arange(rows) + 0.5) * panel.height_mm / rows
    place = {"x": x, "y": y, "xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "showscale": False}
    low, high = scene.grey_range
    shown = panel.attribution if options.signed else np.abs(panel.attribution)
    traces: list[dict[str, Any]] = [
        {
            "type": "heatmap", "z": panel.values, "zmin": low, "zmax": high, "zsmooth": "best", "hoverinfo": "skip",
            "colorscale": [[0, "#FFFFFF"], [1, "#000000"]] if scene.inverse else [[0, "#000000"], [1, "#FFFFFF"]],
            **place,
        },
        {
            "type": "heatmap", "z": shown, "zmin": -full if options.signed else 0, "zmax": full, "zsmooth": "best",
            "colorscale": _scale(options), "customdata": panel.values,
            "hovertemplate": f"{scene.unit} %{{customdata:.1f}}<br>%{{z:.2g}} of the risk score<extra></extra>",
            **place,
        },
    ]  # fmt: skip
    if options.outline and panel.lesion is not None and panel.lesion.any():
        traces.append(
            {
                "type": "contour", "z": panel.lesion.astype(np.float32), "hoverinfo": "skip",
                "contours": {"start": 0.5, "end": 0.5, "size": 1, "coloring": "none"},
                "line": {"color": LESION, "width": 2, "smoothing": 0}, **place,
            }
        )  # fmt: skip
    return traces


def _axes(suffix: str, panel: _Panel, domain: tuple[float, float]) -> dict[str, Any]:
    """Axes in mm, alike in both directions, rows downwards."""
    axis = {"visible": False, "constrain": "domain"}
    across = axis | {"domain": domain, "range": [0, panel.width_mm], "anchor": f"y{suffix}"}
    down = axis | {
        "range": [panel.height_mm, 0], "scaleanchor": f"x{suffix}", "scaleratio": 1, "anchor": f"x{suffix}",
        "constraintoward": "top",
    }  # fmt: skip
    return {f"xaxis{suffix}": across, f"yaxis{suffix}": down}


def _scale(options: OverlayOptions) -> list[list[object]]:
    """From nothing to full: clear where there is little, so that the image stays visible."""

    def shade(colour: str, share: float) -> str:
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        return f"rgba({red},{green},{blue},{share * options.opacity:.3f})"

    if not options.signed:
        return [[step, shade(AMOUNT, step**0.8)] for step in np.linspace(0, 1, 9).tolist()]
    low: list[list[object]] = [[(1 - step) / 2, shade(LOWERS, step**0.8)] for step in np.linspace(1, 0.01, 8).tolist()]
    high: list[list[object]] = [[(1 + step) / 2, shade(RAISES, step**0.8)] for step in np.linspace(0.01, 1, 8).tolist()]
    return [*low, [0.5, shade(RAISES, 0.0)], *high]


def _ink(scene: AttentionScene) -> str:
    """Colour of writing on the picture."""
    return "#16202A" if scene.inverse else "#F1F4F7"


def _notes(suffix: str, panel: _Panel, scene: AttentionScene, *, theme: Theme) -> list[dict[str, Any]]:
    """Letters inside the edges, the title above, the length of the scale bar in the first panel."""
    width, height = panel.width_mm, panel.height_mm
    left, right, top, bottom = panel.letters
    spots = [
        (left, 0.0, height / 2, "left", "middle"), (right, width, height / 2, "right", "middle"),
        (top, width / 2, 0.0, "center", "top"), (bottom, width / 2, height, "center", "bottom"),
    ]  # fmt: skip
    if not suffix:
        spots.append((f"{SCALE_BAR_MM:.0f} mm", width * BAR_END, height * 0.96, "right", "bottom"))
    place = {"xref": f"x{suffix}", "yref": f"y{suffix}", "showarrow": False}
    notes: list[dict[str, Any]] = [
        {"text": text, "x": x, "y": y, "xanchor": xanchor, "yanchor": yanchor, **place}
        | {"font": {"color": _ink(scene), "size": LETTER_PX}}
        for text, x, y, xanchor, yanchor in spots
    ]
    title = {"text": panel.title, "x": width / 2, "y": 0, "yanchor": "bottom", **place}
    return [*notes, title | {"font": {"color": TEXT[theme], "size": LETTER_PX}}]


def _scale_bar(suffix: str, panel: _Panel, scene: AttentionScene) -> dict[str, Any]:
    end, y = panel.width_mm * BAR_END, panel.height_mm * 0.97
    return {
        "type": "line", "x0": end - SCALE_BAR_MM, "x1": end, "y0": y, "y1": y, "xref": f"x{suffix}",
        "yref": f"y{suffix}", "line": {"color": _ink(scene), "width": 3},
    }  # fmt: skip
