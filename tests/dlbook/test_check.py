"""check tells an unfilled stub, a wrong answer and a right one apart."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dlbook import check
from dlbook._check import CheckError


def said(capsys, *args, **kwargs) -> str:
    """What check prints."""
    check(*args, **kwargs)
    return capsys.readouterr().out


def correlate(image, kernel):
    """The reference of these tests."""
    return F.conv2d(image, kernel)


@pytest.fixture
def cases():
    generator = torch.Generator().manual_seed(0)
    shapes = [((1, 1, 8, 8), (1, 1, 3, 3)), ((2, 1, 9, 8), (1, 1, 1, 3))]
    return [
        (torch.randn(a, generator=generator), torch.randn(b, generator=generator))
        for a, b in shapes
    ]


# --- Values


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (28, 28),
        (28.0, 28),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (torch.tensor(28), 28),
        (True, True),
        (np.bool_(True), True),
        (2**0.5, torch.tensor(2.0).sqrt()),
        ("ab", "ab"),
        ((1, 2.0), [1, 2]),
        ({"a": torch.ones(2), "b": 1}, {"b": 1, "a": torch.ones(2)}),
        (np.ones(3), torch.ones(3)),
        (torch.ones(3), np.ones(3, dtype=np.float32)),
        (torch.tensor([True, False]), torch.tensor([True, False])),
        (math.nan, math.nan),
        (torch.tensor([1.0, math.nan]), torch.tensor([1.0, math.nan])),
        (math.inf, math.inf),
        ({1, 2}, {1, 2}),
    ],
)
def test_right_values(answer, expected, capsys):
    assert said(capsys, answer, expected).startswith("✓")
    check(answer, expected, solution=True)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (27, 28),
        (28.001, 28),
        (math.nan, 1.0),
        (1.0, math.nan),
        (math.inf, 1.0),
        (1.0, math.inf),
        (True, 1),
        (1, True),
        ("a", "b"),
        ("1", 1),
        ((1, 2), (1, 2, 3)),
        ((1, None), (1, 2)),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"a": 1}),
        (torch.ones(3), torch.ones(3, 1)),
        (torch.ones(3).double(), torch.ones(3)),
        (torch.ones(3), 1),
        ([1.0, 1.0], torch.ones(2)),
        (np.array(["a"]), torch.ones(1)),
        (torch.tensor([math.nan, 1.0]), torch.tensor([1.0, 1.0])),
        (torch.tensor([1, 2]), torch.tensor([1, 3])),
        (len, 3),
        (object(), "a"),
    ],
)
def test_wrong_values(answer, expected, capsys):
    out = said(capsys, answer, expected)
    assert out.startswith("✗")
    assert " at 0x" not in out
    with pytest.raises(CheckError):
        check(answer, expected, solution=True)


@pytest.mark.parametrize("stub", [None, ..., (None, None), [...]])
def test_unfilled_values_are_not_attempted(stub, capsys):
    out = said(capsys, stub, 28, name="The sum")
    assert "not attempted yet" in out and "The sum" in out and "✗" not in out
    with pytest.raises(CheckError, match="not attempted"):
        check(stub, 28, solution=True)


def test_tolerances_can_be_set(capsys):
    assert said(capsys, 0.33, 1 / 3).startswith("✗")
    assert said(capsys, 0.33, 1 / 3, atol=0.01).startswith("✓")
    assert said(capsys, torch.tensor([1.1]), torch.ones(1), rtol=0.2).startswith("✓")


def test_numbers_that_look_alike_are_shown_apart(capsys):
    out = said(capsys, 1.0001, 1.0, rtol=0)
    expected, got = out.split("expected ")[1].split(", got ")
    assert expected.strip() != got.strip()


def test_shapes_and_dtypes_are_named(capsys):
    out = said(capsys, torch.ones(3), torch.ones(3, 1))
    assert "(3, 1)" in out and "(3,)" in out
    out = said(capsys, torch.ones(3).double(), torch.ones(3))
    assert "float64" in out and "float32" in out


def test_a_small_tensor_is_shown_whole_and_a_large_one_is_not(capsys):
    out = said(capsys, torch.tensor([1, 2, 3]), torch.tensor([1, 2, 4]))
    assert "[1, 2, 4]" in out and "[1, 2, 3]" in out
    out = said(capsys, torch.zeros(100, 100), torch.rand(100, 100) + 1)
    assert "10,000 of 10,000" in out and len(out) < 500


@pytest.mark.parametrize(("factor", "hint"), [(-1, "sign"), (2, "2 times")])
def test_a_multiple_of_the_right_answer_is_recognized(factor, hint, capsys):
    right = torch.arange(12.0)
    assert hint in said(capsys, factor * right, right)


# --- Functions


def test_a_right_function(cases, capsys):
    def mine(image, kernel):
        rows, columns = kernel.shape[-2:]
        patches = image.unfold(2, rows, 1).unfold(3, columns, 1)
        return torch.einsum("nchwij,ocij->nohw", patches, kernel)

    out = said(capsys, mine, correlate, args=cases, grad=True)
    assert out.startswith("✓ mine") and "2 cases" in out
    check(mine, correlate, args=cases, grad=True, solution=True)


def empty(image, kernel):
    """A stub with a docstring only."""


def dots(image, kernel):
    return ...


def not_implemented(image, kernel):
    raise NotImplementedError("your turn")


@pytest.mark.parametrize("stub", [empty, dots, not_implemented, None, ...])
def test_unfilled_functions_are_not_attempted(stub, cases, capsys):
    out = said(capsys, stub, correlate, args=cases)
    assert "not attempted yet" in out and "✗" not in out
    with pytest.raises(CheckError, match="not attempted"):
        check(stub, correlate, args=cases, solution=True)


def flipped(image, kernel):
    return F.conv2d(image, kernel.flip(2, 3))


def negative(image, kernel):
    return -F.conv2d(image, kernel)


def one_dimension_less(image, kernel):
    return F.conv2d(image, kernel)[0]


def in_double(image, kernel):
    return F.conv2d(image, kernel).double()


def raises(image, kernel):
    raise IndexError("beyond the\nlast row")


def first_case_only(image, kernel):
    return F.conv2d(image, kernel) if len(image) == 1 else None


def too_few_arguments(image):
    return image


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (flipped, "expected"),
        (negative, "sign"),
        (one_dimension_less, "shape"),
        (in_double, "float64"),
        (raises, "IndexError: beyond the"),
        (first_case_only, "case 2 of 2"),
        (too_few_arguments, "TypeError"),
        (3, "function"),
    ],
)
def test_wrong_functions(function, hint, cases, capsys):
    out = said(capsys, function, correlate, args=cases)
    assert out.startswith("✗") and hint in out
    with pytest.raises(CheckError):
        check(function, correlate, args=cases, solution=True)


def test_an_exception_is_chained_for_a_solution(cases):
    with pytest.raises(CheckError) as caught:
        check(raises, correlate, args=cases, solution=True)
    assert isinstance(caught.value.__cause__, IndexError)


def detached(image, kernel):
    return F.conv2d(image, kernel).detach()


def kernel_detached(image, kernel):
    return F.conv2d(image, kernel.detach())


def gradient_doubled(image, kernel):
    out = F.conv2d(image, kernel)
    extra = F.conv2d(image.detach(), kernel)
    return out + extra - extra.detach()


def without_gradient(image, kernel):
    with torch.no_grad():
        return F.conv2d(image, kernel)


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (detached, "no gradient"),
        (without_gradient, "no gradient"),
        (kernel_detached, "no gradient reaches argument 2 (kernel)"),
        (gradient_doubled, "argument 2 (kernel)"),
    ],
)
def test_right_outputs_with_wrong_gradients(function, hint, cases, capsys):
    assert said(capsys, function, correlate, args=cases).startswith("✓")
    out = said(capsys, function, correlate, args=cases, grad=True)
    assert out.startswith("✗") and hint in out
    with pytest.raises(CheckError):
        check(function, correlate, args=cases, grad=True, solution=True)


def doubles_the_kernel(image, kernel):
    return F.conv2d(image, kernel.mul_(2))


def spoils_the_image(image, kernel):
    out = F.conv2d(image.clone(), kernel)
    image.zero_()
    return out


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("function", [doubles_the_kernel, spoils_the_image])
def test_changing_arguments_in_place_fools_nobody(function, grad, cases, capsys):
    before = [tensor.clone() for case in cases for tensor in case]
    out = said(capsys, function, correlate, args=cases, grad=grad)
    assert out.startswith("✗") and "leaf" not in out
    after = [tensor for case in cases for tensor in case]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_several_outputs_and_nested_arguments_have_gradients(capsys):
    def reference(parts, scale):
        return {"sum": parts[0] + scale * parts[1], "count": len(parts)}

    def wrong(parts, scale):
        return {"sum": parts[0] + scale * parts[1].detach(), "count": len(parts)}

    args = [([torch.randn(4), torch.randn(4)], 2.0)]
    assert said(capsys, reference, reference, args=args, grad=True).startswith("✓")
    out = said(capsys, wrong, reference, args=args, grad=True)
    assert "argument 1 (parts)" in out


def test_integer_arguments_need_no_gradient(capsys):
    def gather(table, rows):
        return table[rows]

    args = [(torch.randn(5, 3), torch.tensor([0, 2]))]
    assert said(capsys, gather, gather, args=args, grad=True).startswith("✓")


def test_both_functions_see_the_same_random_numbers(capsys):
    def drop(x):
        return F.dropout(x, 0.5) + np.random.rand()

    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    assert said(capsys, drop, lambda x: drop(x), args=[(torch.ones(99),)]).startswith(
        "✓"
    )
    # A check also leaves the generators alone: figures below it do not depend on
    # whether an exercise was solved.
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"expected": None},
        {"expected": correlate},
        {"expected": correlate, "args": []},
        {"expected": correlate, "args": [torch.ones(1)]},
        {"expected": 1, "grad": True},
        {"expected": 1, "args": [(1,)]},
    ],
)
def test_a_check_that_is_written_wrongly_raises(kwargs):
    with pytest.raises((TypeError, ValueError), match="check"):
        check(correlate, **kwargs)


def test_a_reference_without_gradient_is_the_authors_mistake(cases):
    with pytest.raises(ValueError, match="reference"):
        check(correlate, detached, args=cases, grad=True)
