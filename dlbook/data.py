"""Data sets: real ones that need no network, and larger ones by name.

Everything except `download` comes with packages that are installed anyway, so a
chapter never waits for a server.
"""

import contextlib
import gzip
import importlib.util
import os
import pickle
import re
import sys
import tarfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F


class DataError(RuntimeError):
    """A data set is unknown, unreachable or damaged."""


# Photographs inside the scikit-image and scikit-learn packages: (package, file).
PHOTOS = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "brick": ("skimage", "data/brick.png"),
    "camera": ("skimage", "data/camera.png"),
    "cell": ("skimage", "data/cell.png"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "clock": ("skimage", "data/clock_motion.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "coins": ("skimage", "data/coins.png"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "grass": ("skimage", "data/grass.png"),
    "gravel": ("skimage", "data/gravel.png"),
    "hubble": ("skimage", "data/hubble_deep_field.jpg"),
    "moon": ("skimage", "data/moon.png"),
    "motorcycle_left": ("skimage", "data/motorcycle_left.png"),
    "motorcycle_right": ("skimage", "data/motorcycle_right.png"),
    "page": ("skimage", "data/page.png"),
    "retina": ("skimage", "data/retina.jpg"),
    "rocket": ("skimage", "data/rocket.jpg"),
    "text": ("skimage", "data/text.png"),
    "tissue": ("skimage", "data/ihc.png"),
}

# Larger sets: where their authors publish them, and the SHA-256 of each file. The
# checksum is what makes the plain http address of Fashion-MNIST safe.
SOURCES = {
    "fashion_mnist": {
        "url": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "files": {
            "train-images-idx3-ubyte.gz": (
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
            ),
            "train-labels-idx1-ubyte.gz": (
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
            ),
            "t10k-images-idx3-ubyte.gz": (
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
            ),
            "t10k-labels-idx1-ubyte.gz": (
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
            ),
        },
    },
    "cifar10": {
        "url": "https://www.cs.toronto.edu/~kriz/",
        "files": {
            "cifar-10-python.tar.gz": (
                "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
            ),
        },
    },
}

# The weights with which scikit-image, too, turns RGB into gray.
_LUMINANCE = (0.2125, 0.7154, 0.0721)


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """Handwritten digits, scikit-learn's: small enough to train on in seconds.

    Returns:
        images: float32 (1797, 1, 8, 8) in [0, 1].
        labels: int64 (1797,), 0 to 9.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = torch.from_numpy(bunch.images / 16).float().unsqueeze(1)
    return images, torch.from_numpy(bunch.target).long()


def faces() -> tuple[torch.Tensor, torch.Tensor]:
    """Face crops of Labeled Faces in the Wild and background crops, 100 of each.

    Returns:
        images: float32 (200, 1, 25, 25) in [0, 1], gray.
        labels: int64 (200,), 1 for a face and 0 for none; the faces come first.
    """
    images = np.load(_packaged("skimage", "data/lfw_subset.npy"))
    labels = torch.zeros(200, dtype=torch.int64)
    labels[:100] = 1
    return torch.from_numpy(images).float().unsqueeze(1), labels


def photos() -> list[str]:
    """Names that `photo` knows."""
    return sorted(PHOTOS)


def photo(
    name: str, color: bool = False, size: int | tuple[int, int] | None = None
) -> torch.Tensor:
    """One photograph.

    Args:
        name: one of `photos()`.
        color: three channels (RGB) instead of one (luminance).
        size: (H, W) in pixels, or one int for the shorter side; None keeps the
            photograph's own size. Shrinking is antialiased.

    Returns:
        float32 (C, H, W) in [0, 1].

    Raises:
        DataError: there is no photograph of that name.
        ValueError: the size is not one or two positive whole numbers.
    """
    from PIL import Image

    if name not in PHOTOS:
        raise DataError(
            f"photo: there is no {name!r}; choose from {', '.join(photos())}."
        )
    with Image.open(_packaged(*PHOTOS[name])) as file:
        pixels = np.asarray(file.convert("RGB" if color else file.mode))
    image = torch.from_numpy(np.array(pixels, dtype=np.float32)) / 255
    image = image.permute(2, 0, 1) if image.ndim == 3 else image.unsqueeze(0)
    if not color and image.shape[0] == 3:
        image = torch.tensor(_LUMINANCE).view(3, 1, 1).mul(image).sum(0, keepdim=True)
    if size is not None:
        image = _resize(image, _target_size(size, image.shape[-2:]))
    return image.clamp(0, 1).contiguous()


def _target_size(size, current: tuple[int, int]) -> tuple[int, int]:
    """The (H, W) that a `size` argument asks for."""
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        scale = size / min(current)
        return round(current[0] * scale), round(current[1] * scale)
    if isinstance(size, (tuple, list)) and len(size) == 2:
        height, width = size
        if all(isinstance(s, int) and s > 0 for s in (height, width)):
            return height, width
    raise ValueError(
        f"photo: size must be (height, width) or one int for the shorter side, in "
        f"pixels, not {size!r}."
    )


def _resize(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resize (C, H, W) with a filter that removes what the new grid cannot hold."""
    return F.interpolate(
        image.unsqueeze(0),
        size=size,
        mode="bilinear",
        antialias=True,
        align_corners=False,
    ).squeeze(0)


def english() -> str:
    """About 240,000 characters of English prose: the language reference in Python.

    It is the text of `pydoc_data.topics`, which is what `help("while")` prints.
    Headings, code, grammar rules and version notes are left out, each paragraph is
    one line, and quotation marks are plain. What may differ: the manual is edited from
    one Python to the next, and of all characters in 3.11 and 3.13 about three quarters
    stand in paragraphs that are the same in both. So a figure computed from this text
    needs some margin. What does not differ: the characters are printable ASCII (no
    backquote, no dollar sign) and the newline, 94 in all.
    """
    from pydoc_data.topics import topics

    paragraphs = []
    for name in sorted(topics):
        for block in re.split(r"\n\s*\n", topics[name]):
            text = _prose(block)
            if text:
                paragraphs.append(text)
    return "\n".join(dict.fromkeys(paragraphs)) + "\n"


_TYPOGRAPHY = str.maketrans(
    {
        "“": '"',
        "”": '"',
        "‘": "'",
        "’": "'",
        "–": "-",
        "—": "-",
        "…": "...",
        "`": '"',
        "$": "",
    }
)


def _prose(block: str) -> str:
    """One block of the manual as a line of prose, or nothing if it is none."""
    lines = block.strip("\n").splitlines()
    if not lines or re.match(r"[*=\-^~]{3}", lines[-1]):
        return ""
    text = " ".join(" ".join(lines).translate(_TYPOGRAPHY).split())
    text = text.replace('""', '"').encode("ascii", "ignore").decode()
    text = re.sub(r"^(\*|\d+\.) ", "", text)
    if re.match(r"(New|Added|Changed|Deprecated|Removed) (in|since) ", text):
        return ""
    # A sentence starts with a capital and ends with a stop; the rest is code, grammar
    # rules and tables, and so is nearly every block of fewer than five words.
    is_prose = re.match(r'["*]?[A-Z].*[.:]["*)]?$', text) and len(text.split()) >= 5
    return text if is_prose and ">>>" not in text and "::=" not in text else ""


def download(name: str, train: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """A larger data set, fetched once and kept in a cache on this machine.

    The cache is the folder in the environment variable ``DLBOOK_DATA``, or the
    system's place for caches. Every file is checked against its SHA-256.

    Args:
        name: ``"fashion_mnist"`` (30 MB) or ``"cifar10"`` (170 MB).
        train: the training set; False for the test set.

    Returns:
        images: float32 in [0, 1], (60000 or 10000, 1, 28, 28) for Fashion-MNIST and
            (50000 or 10000, 3, 32, 32) for CIFAR-10, whose training set takes 0.6 GB.
        labels: int64, 0 to 9.

    Raises:
        DataError: the name is unknown, the server out of reach, or a file not the
            one that its authors published.
    """
    if name not in SOURCES:
        known = ", ".join(sorted(SOURCES))
        raise DataError(f"download: there is no {name!r}; choose from {known}.")
    if name == "cifar10":
        return _read_cifar(_fetch(name, "cifar-10-python.tar.gz"), train)
    part = "train" if train else "t10k"
    images = _read_idx(_fetch(name, f"{part}-images-idx3-ubyte.gz"))
    labels = _read_idx(_fetch(name, f"{part}-labels-idx1-ubyte.gz"))
    return images.unsqueeze(1).float().div_(255), labels.long()


def _fetch(name: str, file: str) -> Path:
    """The path of a checked file in the cache, downloaded if it is not there."""
    import pooch
    import requests

    pooch.get_logger().setLevel("ERROR")
    source = SOURCES[name]
    folder = Path(os.environ.get("DLBOOK_DATA") or pooch.os_cache("dlbook")) / name
    _drop_if_damaged(folder / file, source["files"][file])
    try:
        with _progress(file) as bar:
            path = pooch.retrieve(
                url=source["url"] + file,
                known_hash="sha256:" + source["files"][file],
                fname=file,
                path=folder,
                downloader=pooch.HTTPDownloader(
                    progressbar=bar, chunk_size=2**16, timeout=30
                ),
            )
    except requests.exceptions.RequestException as error:
        raise DataError(
            f"download: {name} needs the network the first time, and "
            f"{source['url']} did not send {file} ({_reason(error)}); connect and "
            "run the cell again, or use the smaller sets of dlbook.data."
        ) from error
    except ValueError as error:
        raise DataError(
            f"download: {file} of {name} is not the file that its authors published "
            "(its SHA-256 is another), so it was thrown away; try again later."
        ) from error
    except OSError as error:
        raise DataError(
            f"download: {folder} cannot be written ({error.strerror or error}); set "
            "DLBOOK_DATA to a folder with enough room."
        ) from error
    return Path(path)


def _reason(error: Exception) -> str:
    """What stopped a download, in a few words."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code}"
    words = re.findall(r"[A-Z][a-z]+", type(error).__name__)
    return " ".join(words).lower()


def _drop_if_damaged(path: Path, sha256: str) -> None:
    """Remove a cached file that is not what it should be, so that it is replaced."""
    import pooch

    if path.is_file() and pooch.file_hash(str(path), alg="sha256") != sha256:
        path.unlink()


def _progress(file: str):
    """A context with a progress bar for a person, or with False where none looks."""
    ipython = sys.modules.get("IPython")
    in_notebook = ipython is not None and ipython.get_ipython() is not None
    if not (in_notebook or sys.stderr.isatty()) or os.environ.get("CI"):
        return contextlib.nullcontext(False)
    from tqdm import tqdm

    # pooch takes a bar with no total for none at all, and sets the true one itself.
    return tqdm(total=1, desc=file, unit="B", unit_scale=True, leave=False)


def _read_idx(path: Path) -> torch.Tensor:
    """The array in a gzipped file of MNIST's IDX format, as uint8."""
    with gzip.open(path) as file:
        content = file.read()
    rank = content[3]
    shape = np.frombuffer(content, dtype=">i4", count=rank, offset=4).tolist()
    pixels = np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * rank)
    return torch.from_numpy(pixels.reshape(shape).copy())


def _read_cifar(path: Path, train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """CIFAR-10 out of its archive; unpickled only after its SHA-256 was checked."""
    wanted = [f"data_batch_{i}" for i in range(1, 6)] if train else ["test_batch"]
    images, labels = [], []
    with tarfile.open(path) as archive:
        for member in wanted:
            file = archive.extractfile(f"cifar-10-batches-py/{member}")
            batch = pickle.load(file, encoding="latin1")
            images.append(torch.from_numpy(batch["data"]).view(-1, 3, 32, 32))
            labels += batch["labels"]
    return torch.cat(images).float().div_(255), torch.tensor(labels)


def _packaged(package: str, file: str) -> Path:
    """The path of a file inside an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    if path is None or not path.is_file():
        project = {"skimage": "scikit-image", "sklearn": "scikit-learn"}[package]
        raise DataError(f"{file} is missing: install {project} (see requirements.txt).")
    return path
