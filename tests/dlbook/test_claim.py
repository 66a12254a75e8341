"""A claim prints when true, raises when false, and takes nothing but a bool."""

import math

import numpy as np
import pytest
import torch

from dlbook import ClaimError, claim


@pytest.mark.parametrize("condition", [True, np.bool_(True), np.float64(1) < 2])
def test_true_claim_prints_the_sentence_and_its_figures(condition, capsys):
    claim("A beats B", condition, shown="0.93 against 0.71")
    assert capsys.readouterr().out == "✓ A beats B (0.93 against 0.71)\n"


def test_claim_without_figures(capsys):
    claim("A beats B", True)
    assert capsys.readouterr().out == "✓ A beats B\n"


@pytest.mark.parametrize("shown", [0.5, np.float32(0.5), torch.tensor(0.5)])
def test_a_number_is_shown_plainly(shown, capsys):
    claim("Half", True, shown=shown)
    assert capsys.readouterr().out == "✓ Half (0.5)\n"


@pytest.mark.parametrize("condition", [False, np.bool_(False)])
def test_false_claim_raises_and_prints_no_tick(condition, capsys):
    with pytest.raises(ClaimError, match="A beats B"):
        claim("A beats B", condition, shown="1 against 2")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "condition",
    [torch.tensor(True), torch.tensor([True]), np.array(True), np.array([False])],
)
def test_a_tensor_of_one_element_is_told_to_become_a_bool(condition):
    with pytest.raises(TypeError, match=r"bool\(\)"):
        claim("A", condition)


@pytest.mark.parametrize(
    "condition", [torch.ones(2) > 0, np.ones((2, 3)) > 0, torch.zeros(0) > 0]
)
def test_a_tensor_of_many_elements_is_rejected_with_its_shape(condition):
    with pytest.raises(ValueError, match="shape"):
        claim("A", condition)


@pytest.mark.parametrize(
    "condition", [math.nan, np.float32("nan"), torch.tensor(math.nan)]
)
def test_nan_is_rejected(condition):
    with pytest.raises(ValueError, match="NaN"):
        claim("A", condition)


@pytest.mark.parametrize("condition", [None, 1, 0.0, "yes", [], [True], np.int64(1)])
def test_anything_but_a_bool_is_rejected(condition):
    with pytest.raises(TypeError):
        claim("A", condition)


@pytest.mark.parametrize(
    "shown", [math.nan, torch.tensor(math.nan), "nan against 0.5", "loss=NaN"]
)
def test_nan_is_never_a_figure(shown):
    with pytest.raises(ValueError, match="NaN"):
        claim("A", True, shown=shown)


def test_words_that_contain_nan_are_figures(capsys):
    claim("A", True, shown="finance 3, nanometers 2")
    assert "finance 3" in capsys.readouterr().out


def test_several_numbers_are_no_figure():
    with pytest.raises(ValueError, match="shape"):
        claim("A", True, shown=torch.ones(2))


@pytest.mark.parametrize("text", [True, "", "  ", None])
def test_the_sentence_comes_first(text):
    with pytest.raises(TypeError):
        claim(text, True)
