"""Lesion crops as pictures in a row: grey values, what moved the answer over them, the lesion's outline."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from raise_core.figures.attention_slices import AMOUNT
from raise_core.figures.identity import LESION

DRAWN_PX = 192
Grey = NDArray[np.uint8]
STYLE = """<style>
.crops { display: grid; grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)); gap: 8px; }
.crops.large { grid-template-columns: repeat(auto-fill, minmax(190px, 230px)); gap: 14px; }
.crops figure { margin: 0; }
.crops img { width: 100%; display: block; background: #000; border-radius: 4px; }
.crops figcaption { font-size: 14px; line-height: 1.3; margin-top: 2px; }
</style>"""

MARGIN = 0.12
"""Empty space around the largest lesion shown, as a share of the picture's side."""


def common_frame(pictures: Sequence[Grey]) -> slice:
    """The rows, and columns, of the smallest square about the middle that holds what all the pictures show.

    All are cut alike, so that sizes can be compared.
    """
    side = pictures[0].shape[0]
    reach = 1.0
    for picture in pictures:
        rows, columns = np.nonzero(picture)
        if len(rows):
            reach = max(reach, float(np.abs(np.concatenate([rows, columns]) - (side - 1) / 2).max()) + 0.5)
    half = min(side / 2, reach + MARGIN * side / 2)
    first = int(np.floor(side / 2 - half))
    return slice(first, side - first)


def crop(
    grey: Grey, attribution: NDArray[np.float32] | None, contour: NDArray[np.bool_] | None, *, opacity: float = 0.75
) -> str:
    """A crop as a data address for an image element.

    Args:
        grey: (px, px).
        attribution: same shape, -1 to 1; None for the picture alone.
        contour: same shape; None for no outline.
        opacity: of the overlay where it is strongest.
    """
    shape = (DRAWN_PX, DRAWN_PX)
    base = np.asarray(Image.fromarray(grey, mode="L").resize(shape, Image.Resampling.BILINEAR), dtype=np.float64)
    picture = np.repeat(base[:, :, None], 3, axis=2)
    if attribution is not None:
        amount = np.asarray(
            Image.fromarray(np.abs(attribution).astype(np.float32), mode="F").resize(shape, Image.Resampling.BILINEAR)
        )
        cover = (np.clip(amount, 0, 1) ** 0.8 * opacity)[:, :, None]
        picture = picture * (1 - cover) + _rgb(AMOUNT) * cover
    if contour is not None:
        large = np.asarray(
            Image.fromarray(contour.astype(np.uint8) * 255, mode="L").resize(shape, Image.Resampling.BILINEAR)
        )
        inside = large > 127
        rim = inside & ~(
            np.roll(inside, 1, 0) & np.roll(inside, -1, 0) & np.roll(inside, 1, 1) & np.roll(inside, -1, 1)
        )
        picture[rim] = _rgb(LESION)
    file = io.BytesIO()
    Image.fromarray(picture.round().astype(np.uint8), mode="RGB").save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def row(pictures: Sequence[tuple[str, str, str]], *, large: bool = False) -> str:
    """Pictures with captions: (data address, caption, description for who cannot see it)."""
    figures = "".join(
        f'<figure><img src="{source}" alt="{html.escape(description)}"><figcaption>{html.escape(caption)}</figcaption>'
        "</figure>"
        for source, caption, description in pictures
    )
    return f'{STYLE}<div class="crops{" large" if large else ""}">{figures}</div>'


def _rgb(colour: str) -> NDArray[np.float64]:
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], dtype=np.float64)
