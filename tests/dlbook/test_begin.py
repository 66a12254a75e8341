"""begin says where it runs, seeds every generator and prints the same every time."""

import random
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
import torch

from dlbook import _begin, _plots, begin


@pytest.fixture(autouse=True)
def _plain_machine(monkeypatch):
    """A CPU outside Colab, whatever runs the tests; settings put back after."""
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    rules = torch.are_deterministic_algorithms_enabled()
    threads = torch.get_num_threads()
    with mpl.rc_context():
        yield
    torch.use_deterministic_algorithms(rules)
    torch.set_num_threads(threads)


def draws():
    """A number of each generator."""
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_returns_the_cpu_and_seeds_every_generator(capsys):
    assert begin() == torch.device("cpu")
    first = draws()
    begin()
    assert draws() == first
    begin(seed=1)
    assert all(a != b for a, b in zip(draws(), first, strict=True))


def test_the_number_of_threads_does_not_depend_on_the_machine():
    torch.set_num_threads(3)
    begin()
    assert torch.get_num_threads() == 1
    begin(threads=2)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("threads", [0, -1, 1.0, True, "2"])
def test_a_wrong_number_of_threads_is_said_in_one_sentence(threads):
    with pytest.raises((TypeError, ValueError), match=r"threads must be .*\.$"):
        begin(threads=threads)


def test_a_laptop_and_a_build_server_print_the_same(monkeypatch, capsys):
    monkeypatch.delenv("CI", raising=False)
    begin(gain="Section 9 trains a wider network")
    laptop = capsys.readouterr().out
    monkeypatch.setenv("CI", "true")
    begin(gain="Section 9 trains a wider network")
    assert capsys.readouterr().out == laptop
    assert "Section 9 trains a wider network." in laptop
    assert 2 <= len(laptop.splitlines()) <= 4


@pytest.mark.parametrize("how", ["variable", "module"])
def test_colab_without_gpu_is_told_what_to_click(how, monkeypatch, capsys):
    if how == "variable":
        monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab")
    else:
        for name in ("google", "google.colab"):
            module = ModuleType(name)
            module.__spec__ = ModuleSpec(name, None)
            module.__path__ = []
            monkeypatch.setitem(sys.modules, name, module)
    begin()
    out = capsys.readouterr().out
    assert "Colab" in out and _begin.GPU_MENU in out


def test_a_gpu_is_named_with_its_memory_and_gain(monkeypatch):
    card = SimpleNamespace(name="Tesla T4", total_memory=15 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: card)
    lines = _begin._report(torch.device("cuda"), colab=True, gain="It trains longer.")
    text = "\n".join(lines)
    assert "Tesla T4" in text and "15 GiB" in text and _begin.GPU_MENU not in text
    assert "It trains longer." in text and "longer.." not in text


def test_cuda_comes_before_mps(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert _begin._find_device().type == "mps"
    assert "Apple" in "".join(_begin._report(torch.device("mps"), False, None))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert _begin._find_device().type == "cuda"


def test_sets_the_plot_style(capsys):
    mpl.rcParams["figure.dpi"] = 50
    begin()
    assert mpl.rcParams["figure.dpi"] == _plots.STYLE["figure.dpi"]


@pytest.mark.parametrize("seed", [None, 1.5, "0", True])
def test_a_seed_that_is_no_whole_number(seed):
    with pytest.raises(TypeError, match="seed"):
        begin(seed=seed)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range(seed):
    with pytest.raises(ValueError, match="seed"):
        begin(seed=seed)
