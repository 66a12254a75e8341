"""The two plots that every chapter repeats, in the one style of the book."""

import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure

# Okabe and Ito's colour-blind-safe palette, without the three that are too faint for
# a line on white (yellow, orange, sky blue) and with two dark hues in their place.
# Each has a contrast of at least 3:1 on white, and under simulated protanopia,
# deuteranopia and tritanopia any two differ by more than 12 in CIEDE2000.
PALETTE = (
    "#0072B2",  # blue
    "#D55E00",  # vermilion
    "#009E73",  # green
    "#CC79A7",  # purple
    "#222222",  # black
    "#7A2E0E",  # brown
    "#3A2FA0",  # indigo
)
# Colour is never the only cue: the line's dashes and its marker change with it.
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

STYLE = {
    "axes.prop_cycle": cycler(color=PALETTE) + cycler(linestyle=DASHES),
    "axes.axisbelow": True,
    "axes.edgecolor": "#5A5A5A",
    "axes.facecolor": "white",
    "axes.grid": True,
    "axes.labelcolor": "#222222",
    "axes.labelsize": 11,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.dpi": 110,
    "figure.edgecolor": "white",
    "figure.facecolor": "white",
    "figure.figsize": (6.4, 3.6),
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.8,
    # Most of the book's images have one channel, and gray is the only map that
    # shows them as the photographs that they are.
    "image.cmap": "gray",
    # A reader should see the pixels, not a blur that the plot added.
    "image.interpolation": "nearest",
    "legend.fontsize": 10,
    "legend.edgecolor": "white",
    "legend.framealpha": 0.85,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "savefig.dpi": "figure",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    # Ids in an SVG come from this salt instead of a random number.
    "svg.hashsalt": "dlbook",
    "text.color": "#222222",
    "xtick.color": "#444444",
    "xtick.labelsize": 10,
    "ytick.color": "#444444",
    "ytick.labelsize": 10,
}

# With more curves than this the legend goes beside the plot, not on top of them.
_LEGEND_INSIDE = 4
# Widths in inches of one image, and of a row of images that a page shows unscaled.
_IMAGE_WIDTH = 1.8
_PAGE_WIDTH = 6.8

_styled = False


def use_style() -> None:
    """Set the book's plot style, and how a notebook stores a figure."""
    global _styled
    mpl.rcParams.update(STYLE)
    _set_notebook_format()
    _styled = True


def _set_notebook_format() -> None:
    """In a notebook, show a figure as PNG with no note of the software in it."""
    try:
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import select_figure_formats
        from matplotlib_inline.config import InlineBackend
    except ImportError:
        return
    shell = get_ipython()
    if shell is None:
        return
    config = InlineBackend.instance(parent=shell)
    config.figure_formats = {"png"}
    config.print_figure_kwargs = {
        "bbox_inches": "tight",
        "metadata": {"Software": None},
        "pil_kwargs": {"optimize": True},
    }
    # This also registers how a Figure is shown, which otherwise waits for pyplot.
    select_figure_formats(shell, config.figure_formats, **config.print_figure_kwargs)


def _new_figure(size: tuple[float, float] | None = None) -> Figure:
    """A figure that pyplot does not know, so nothing shows it a second time."""
    if not _styled:
        use_style()
    return Figure(figsize=size, layout="constrained")


def show_images(
    images,
    titles: Sequence | None = None,
    columns: int | None = None,
    cmap: str = "gray",
    vmin: float | None = None,
    vmax: float | None = None,
    colorbar: bool = False,
    size: float | None = None,
) -> Figure:
    """Show images in a grid, all on one gray scale.

    Args:
        images: tensor or array (N, 1, H, W), (N, 3, H, W), (N, H, W) or (H, W), or a
            list of (H, W), (1, H, W) or (3, H, W). With three channels: RGB in [0, 1].
        titles: one title an image; numbers are shown with three figures.
        columns: images in a row; by default at most 6, in rows of equal length.
        cmap: colour map of the images with one channel.
        vmin: value shown as the lowest colour; by default the least of all images.
        vmax: value shown as the highest colour; by default the greatest of all.
        colorbar: whether to draw the scale that the images share.
        size: width of one image in inches; by default 1.8, and less where a row would
            be wider than the page, which would shrink the titles with the images.

    Returns:
        The figure. A notebook shows it where it is the last line of a cell, once:
        pyplot does not know it.

    Raises:
        TypeError, ValueError: the images, titles or columns do not fit together.
    """
    pictures = _as_pictures(images)
    labels = _as_titles(titles, len(pictures))
    columns = _as_columns(columns, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    low, high = _limits(pictures, vmin, vmax)
    size = size or min(_IMAGE_WIDTH, _PAGE_WIDTH / columns)
    height = size * max(p.shape[0] / p.shape[1] for p in pictures)
    title_lines = max((label.count("\n") + 1 for label in labels), default=0)
    figure = _new_figure(
        (columns * size + 0.7 * colorbar, rows * (height + 0.22 * title_lines))
    )
    axes = figure.subplots(rows, columns, squeeze=False)
    gray = None
    for place, ax in enumerate(axes.flat):
        ax.axis("off")
        if place >= len(pictures):
            continue
        image = ax.imshow(pictures[place], cmap=cmap, vmin=low, vmax=high)
        gray = image if pictures[place].ndim == 2 else gray
        if labels:
            ax.set_title(labels[place], fontsize=10)
    if colorbar and gray is not None:
        figure.colorbar(gray, ax=axes, shrink=0.8)
    return figure


def plot_curves(
    curves: dict,
    xlabel: str = "",
    ylabel: str = "",
    title: str | None = None,
    logx: bool = False,
    logy: bool = False,
    ylim: tuple[float, float] | None = None,
    ax=None,
) -> Figure:
    """Plot named curves, each with its own colour, dashes and marker.

    Args:
        curves: name to ``(x, y)``, or to ``(x, mean, std)`` for a band of one
            standard deviation either side. All are vectors of one length.
        xlabel: what x is, with its unit.
        ylabel: what y is, with its unit.
        title: title of the plot; a chapter has captions and seldom needs one.
        logx: whether the x axis is logarithmic.
        logy: whether the y axis is logarithmic.
        ylim: lowest and highest y shown.
        ax: axes to draw into, for plots side by side. Their figure is then closed
            in pyplot, so end the cell with the figure.

    Returns:
        The figure. A notebook shows it where it is the last line of a cell, once.

    Raises:
        TypeError, ValueError: a curve is empty, ragged or all NaN.
    """
    if not isinstance(curves, dict) or not curves:
        raise TypeError('plot_curves: give a dict such as {"loss": (x, y)}.')
    data = {name: _as_curve(name, curve) for name, curve in curves.items()}
    if ax is None:
        ax = _new_figure().subplots()
    figure = ax.figure
    for place, (name, (x, y, std)) in enumerate(data.items()):
        _draw_curve(ax, place, str(name), x, y, std)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title or "")
    if logx:
        ax.set_xscale("log")
    if logy:
        ax.set_yscale("log")
    if ylim is not None:
        ax.set_ylim(*ylim)
    if len(data) > _LEGEND_INSIDE:
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    elif len(data) > 1:
        ax.legend()
    _forget(figure)
    return figure


def _draw_curve(ax, place: int, name: str, x, y, std) -> None:
    """One curve; a long one has a few markers only, staggered between curves."""
    color = PALETTE[place % len(PALETTE)]
    step = max(1, len(x) // 10)
    ax.plot(
        x,
        y,
        label=name,
        color=color,
        linestyle=DASHES[place % len(DASHES)],
        marker=MARKERS[place % len(MARKERS)],
        markevery=(place % step, step),
    )
    if std is not None:
        ax.fill_between(x, y - std, y + std, color=color, alpha=0.18, linewidth=0)


def _forget(figure: Figure) -> None:
    """Take a figure out of pyplot's list, if it came from there."""
    import matplotlib.pyplot as plt

    plt.close(figure)


def _as_array(value, what: str) -> np.ndarray:
    """A tensor, array or nested list as a real array of numbers."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} cannot be read as numbers.") from error
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{what} must hold real numbers, not {array.dtype}.")
    return array


def _as_pictures(images) -> list[np.ndarray]:
    """Images in any accepted form as a list of (H, W) or (H, W, 3) arrays."""
    if isinstance(images, (list, tuple)):
        arrays = [_as_array(image, "show_images: an image") for image in images]
    else:
        batch = _as_array(images, "show_images: the images")
        if batch.ndim not in (2, 3, 4):
            raise ValueError(
                f"show_images: shape {batch.shape} is none of (N, 1, H, W), "
                "(N, 3, H, W), (N, H, W) and (H, W)."
            )
        arrays = [batch] if batch.ndim == 2 else list(batch)
    if not arrays:
        raise ValueError("show_images: there is no image to show.")
    return [_as_picture(array) for array in arrays]


def _as_picture(array: np.ndarray) -> np.ndarray:
    """One (H, W), (1, H, W) or (3, H, W) array as matplotlib wants it."""
    channels = 1 if array.ndim == 2 else array.shape[0]
    if array.ndim not in (2, 3) or channels not in (1, 3):
        raise ValueError(
            f"show_images: an image of shape {array.shape} is none of (H, W), "
            "(1, H, W) and (3, H, W); channels come before rows."
        )
    if array.size == 0:
        raise ValueError(f"show_images: an image of shape {array.shape} is empty.")
    array = array.astype(np.float32 if array.dtype.kind in "bf" else array.dtype)
    if array.dtype.kind == "f" and not np.isfinite(array).any():
        raise ValueError("show_images: an image has no finite value in it.")
    if channels == 1:
        return array.reshape(array.shape[-2:])
    picture = array.transpose(1, 2, 0)
    return np.clip(picture, 0, 1) if picture.dtype.kind == "f" else picture


def _limits(pictures: list, vmin, vmax) -> tuple[float, float]:
    """The scale that all images with one channel share."""
    gray = [p[np.isfinite(p)] for p in pictures if p.ndim == 2]
    low = min((p.min() for p in gray), default=0) if vmin is None else vmin
    high = max((p.max() for p in gray), default=1) if vmax is None else vmax
    return float(low), float(high)


def _as_titles(titles, count: int) -> list[str]:
    """Titles as text; none is an empty list."""
    if titles is None:
        return []
    if isinstance(titles, str):
        titles = [titles]
    titles = titles.tolist() if hasattr(titles, "tolist") else list(titles)
    if len(titles) != count:
        raise ValueError(f"show_images: {len(titles)} titles for {count} images.")
    return [f"{t:.3g}" if isinstance(t, float) else str(t) for t in titles]


def _as_columns(columns: int | None, count: int) -> int:
    """Images in a row."""
    if columns is None:
        return math.ceil(count / math.ceil(count / 6))
    if not isinstance(columns, int) or columns < 1:
        raise ValueError(f"show_images: columns must be at least 1, not {columns!r}.")
    return min(columns, count)


def _as_curve(name, curve) -> tuple:
    """One curve as x, y and the standard deviation or None."""
    if not isinstance(curve, (tuple, list)) or len(curve) not in (2, 3):
        raise TypeError(f'plot_curves: "{name}" must be (x, y) or (x, mean, std).')
    parts = [_as_array(p, f'plot_curves: "{name}"').astype(float) for p in curve]
    shapes = [part.shape for part in parts]
    if len(set(shapes)) != 1 or parts[0].ndim != 1:
        shown = ", ".join(map(str, shapes))
        raise ValueError(
            f'plot_curves: "{name}" needs vectors of one length, not shapes {shown}.'
        )
    if parts[0].size == 0:
        raise ValueError(f'plot_curves: "{name}" has no points.')
    if not np.isfinite(parts[1]).any():
        raise ValueError(f'plot_curves: "{name}" has no finite value in it.')
    return (*parts, None) if len(parts) == 2 else tuple(parts)
