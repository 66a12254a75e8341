"""The first cell of every chapter: where am I, and what does that change?"""

import importlib.util
import os
import random

import numpy as np
import torch

from ._plots import use_style

GPU_MENU = "Runtime > Change runtime type > T4 GPU"


def begin(seed: int = 0, gain: str | None = None, threads: int = 1) -> torch.device:
    """Say where this runs, seed every generator and set the plot style.

    PyTorch gets a fixed number of threads, whatever the machine has. Sums are then
    taken in the same order everywhere, so that a reader with other cores sees the same
    numbers. And for the small tensors of most chapters one thread is the fastest.

    Args:
        seed: seed of ``random``, NumPy and PyTorch, from 0 to 2**32 - 1.
        gain: what a GPU adds in this chapter, as one sentence with no full stop,
            such as ``"Section 9 trains a wider network"``.
        threads: how many processor cores PyTorch uses; more than 1 only where a
            chapter has large layers and was measured to be faster with it.

    Returns:
        The device to compute on: CUDA, then Apple's MPS, then the CPU.

    Raises:
        TypeError, ValueError: the seed is not a number that all generators take, or
            ``threads`` is no whole number from 1 on.
    """
    _seed_all(seed)
    _use_threads(threads)
    use_style()
    device = _find_device()
    if device.type == "cpu":
        # The few operations with no deterministic version only warn: none has to
        # fail because a chapter began well. A GPU would pay for this in speed.
        torch.use_deterministic_algorithms(True, warn_only=True)
    for line in _report(device, _in_colab(), gain):
        print(line)
    return device


def _seed_all(seed: int) -> None:
    """Seed the generators of Python, NumPy and PyTorch, the GPU's too."""
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"begin: seed must be a whole number, not {seed!r}.")
    if not 0 <= seed < 2**32:
        raise ValueError(f"begin: seed must be from 0 to 2**32 - 1, not {seed}.")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _use_threads(threads: int) -> None:
    """Let PyTorch use this many cores."""
    if isinstance(threads, bool) or not isinstance(threads, int):
        raise TypeError(f"begin: threads must be a whole number, not {threads!r}.")
    if threads < 1:
        raise ValueError(f"begin: threads must be at least 1, not {threads}.")
    torch.set_num_threads(threads)


def _find_device() -> torch.device:
    """The fastest device that PyTorch can use here."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def _in_colab() -> bool:
    """Whether this is Google Colab."""
    if "COLAB_RELEASE_TAG" in os.environ:
        return True
    try:
        return importlib.util.find_spec("google.colab") is not None
    except (ImportError, ValueError):
        return False


def _report(device: torch.device, colab: bool, gain: str | None) -> list[str]:
    """The lines that ``begin`` prints.

    On a CPU a reader's machine and the build print the same lines, as the site shows
    the build's and a reader who runs the chapter again should see no difference.
    """
    place = "in Google Colab" if colab else "on a local machine or a build server"
    lines = [f"Running {place}, on {_describe(device)}."]
    if device.type != "cpu":
        lines.append(f"What the GPU changes here: {_sentence(gain, 'it is faster')}")
        lines.append("Figures may differ a little from those on the site.")
        return lines
    if colab:
        lines.append(f"For a GPU, choose {GPU_MENU}, then run all cells again.")
    lines.append("Sizes stay small, and the results are those on the site.")
    if gain:
        lines.append(f"With a GPU: {_sentence(gain, '')}")
    return lines


def _sentence(text: str | None, default: str) -> str:
    """A sentence with exactly one full stop."""
    return (text or default).strip().rstrip(".") + "."


def _describe(device: torch.device) -> str:
    """The accelerator in words, with its memory where PyTorch knows it."""
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        return f"a GPU: {card.name}, {card.total_memory / 2**30:.0f} GiB (CUDA)"
    if device.type == "mps":
        return "an Apple GPU (MPS)"
    return "the CPU: no GPU found"
