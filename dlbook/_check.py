"""The machine check of an exercise: not attempted, wrong (and how), or right."""

import contextlib
import copy
import inspect
import math
import random

import numpy as np
import torch

# Relative and absolute tolerance of torch.testing.assert_close for each dtype.
_TOLERANCES = {
    torch.float16: (1e-3, 1e-5),
    torch.bfloat16: (1.6e-2, 1e-5),
    torch.float32: (1.3e-6, 1e-5),
    torch.complex64: (1.3e-6, 1e-5),
    torch.float64: (1e-7, 1e-7),
    torch.complex128: (1e-7, 1e-7),
}
# A gradient sums over more terms than an output, so rounding weighs more in it.
_GRADIENT_SLACK = 10
_SHOWN_ENTRIES = 3
_WHOLE_ENTRIES = 6
_LONGEST_TEXT = 160
_UNTRIED = "not attempted yet"


class CheckError(AssertionError):
    """The solution of an exercise does not pass its check."""


def check(
    answer,
    expected,
    *,
    args: list[tuple] | None = None,
    grad: bool = False,
    rtol: float | None = None,
    atol: float | None = None,
    name: str | None = None,
    solution: bool = False,
) -> None:
    """Say whether an answer is not attempted yet, wrong (and how) or right.

    Args:
        answer: the reader's value, or function when ``expected`` is one.
        expected: the right value (number, string, tensor, array, or a tuple, list
            or dict of these), or a reference function.
        args: for functions: one tuple of arguments for every case. Both functions
            get copies of their own and the same random numbers.
        grad: compare, too, the gradients with respect to every floating tensor among
            the arguments, pulled back from random directions.
        rtol: relative tolerance; by default that of ``torch.testing.assert_close``.
        atol: absolute tolerance, likewise.
        name: what the message calls the answer; by default the function's name.
        solution: raise `CheckError` for anything but a right answer.

    Raises:
        CheckError: with ``solution=True``, when the answer is not right.
        TypeError, ValueError: the check itself is written wrongly.
    """
    _validate(expected, args, grad)
    name = name or _name_of(answer) or _name_of(expected) or "your answer"
    with _same_random_state():
        if _is_stub(answer):
            problem, cause = _UNTRIED, None
        elif callable(expected):
            problem, cause = _check_function(answer, expected, args, grad, rtol, atol)
        else:
            problem, cause = _compare(answer, expected, rtol, atol), None
    if problem is None:
        print(f"✓ {name}: {_praise(args, grad)}")
    elif solution:
        raise CheckError(f"✗ {name}: {problem}") from cause
    else:
        mark = "…" if problem == _UNTRIED else "✗"
        print(f"{mark} {name}: {problem}")


def _validate(expected, args, grad) -> None:
    """Raise when the author's side of a check makes no sense."""
    if _is_stub(expected):
        raise ValueError("check: expected must be the right answer, not a stub.")
    if not callable(expected):
        if args is not None or grad:
            raise ValueError("check: args and grad need a function as expected.")
        return
    if not isinstance(args, (list, tuple)) or not args:
        raise ValueError("check: a function needs args, a list of argument tuples.")
    if not all(isinstance(case, tuple) for case in args):
        raise TypeError(
            "check: each entry of args must be a tuple, such as (x,) for one argument."
        )


def _name_of(value) -> str:
    """The name of a function; nothing for a value or a lambda."""
    name = getattr(value, "__name__", "") if callable(value) else ""
    return "" if "<" in name else name


def _praise(args, grad: bool) -> str:
    """The words after the tick."""
    if args is None:
        return "right."
    cases = "1 case" if len(args) == 1 else f"{len(args)} cases"
    return f"right in {cases}, outputs{' and gradients' if grad else ''}."


def _is_stub(value) -> bool:
    """Whether a value is what an unfilled stub leaves behind."""
    if isinstance(value, (tuple, list)) and value:
        return all(_is_stub(part) for part in value)
    return value is None or value is Ellipsis


@contextlib.contextmanager
def _same_random_state():
    """Leave every generator as it was, so that a check changes no later figure."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


# --- Functions ---------------------------------------------------------------------


def _check_function(answer, expected, args, grad, rtol, atol) -> tuple:
    """The first problem over all cases and the exception behind it, or two Nones."""
    if not callable(answer):
        return f"expected a function, got {_show(answer)}", None
    for number, case in enumerate(args, start=1):
        problem, cause = _check_case(answer, expected, case, grad, rtol, atol)
        if problem == _UNTRIED and number == 1:
            return problem, None
        if problem == _UNTRIED:
            problem = "it returns nothing"
        if problem is not None:
            of = f"case {number} of {len(args)}, " if len(args) > 1 else ""
            return f"{of}called with ({_describe(case)}): {problem}", cause
    return None, None


def _check_case(answer, expected, case, grad, rtol, atol) -> tuple:
    """What is wrong in one case, and the exception behind it."""
    wanted_args, wanted_leaves = _copy_arguments(case, grad)
    given_args, given_leaves = _copy_arguments(case, grad)
    with _same_random_state():
        wanted = expected(*wanted_args)
    try:
        with _same_random_state():
            given = answer(*given_args)
    except NotImplementedError:
        return _UNTRIED, None
    except Exception as error:
        return f"it raised {_one_line(error)}", error
    if _is_stub(given):
        return _UNTRIED, None
    problem = _compare(given, wanted, rtol, atol)
    if problem is None:
        problem = _changed_arguments(given_args, wanted_args, answer)
    if problem is None and grad:
        names = _argument_names(answer, len(case))
        return _compare_gradients(
            (given, given_leaves), (wanted, wanted_leaves), names, rtol, atol
        )
    return problem, None


def _copy_arguments(case: tuple, grad: bool) -> tuple[list, list]:
    """Copies of the arguments, and (position, leaf) of those to differentiate.

    With ``grad`` a function gets a copy of each leaf, not the leaf itself: PyTorch
    forbids to change a leaf in place, and its message would lead a reader astray.
    """
    leaves = []

    def copy_of(value, position):
        if isinstance(value, torch.Tensor):
            leaf = value.detach().clone()
            if not grad or not (leaf.is_floating_point() or leaf.is_complex()):
                return leaf
            leaves.append((position, leaf.requires_grad_()))
            return leaf.clone()
        if type(value) in (tuple, list):
            return type(value)(copy_of(part, position) for part in value)
        if type(value) is dict:
            return {key: copy_of(part, position) for key, part in value.items()}
        return copy.deepcopy(value)

    return [copy_of(value, place) for place, value in enumerate(case)], leaves


def _changed_arguments(given: list, wanted: list, answer) -> str | None:
    """Whether the function left other arguments behind than the reference did."""
    names = _argument_names(answer, len(given))
    for name, mine, reference in zip(names, given, wanted, strict=True):
        if not isinstance(mine, (torch.Tensor, np.ndarray)):
            continue
        if _compare(mine, reference, None, None) is not None:
            return (
                f"the output is right, but {name} was changed in place; work on a "
                "copy of it"
            )
    return None


def _compare_gradients(given, wanted, names, rtol, atol) -> tuple:
    """Compare gradients of (output, leaves) pairs through one random cotangent."""
    reference, _ = _gradients(*wanted)
    if not reference:
        raise ValueError("check: grad=True, but the reference has no gradient.")
    if not any(_differentiable(out) for out in _tensors(given[0])):
        return (
            "the output is right, but it has no gradient: something cuts it off from "
            "the arguments (.detach(), .data, .item(), NumPy or torch.no_grad())",
            None,
        )
    gradients, error = _gradients(*given)
    if error is not None:
        return f"the output is right, but its backward pass raised {error}", None
    for place, leaf in enumerate(leaf for _, leaf in wanted[1]):
        mine, right = gradients[place], reference[place]
        name = names[wanted[1][place][0]]
        if mine is None and right is not None and right.abs().max() > 0:
            return f"the output is right, but no gradient reaches {name}", None
        zeros = torch.zeros_like(leaf)
        problem = _compare_tensors(
            zeros if mine is None else mine,
            zeros if right is None else right,
            rtol,
            atol,
            slack=_GRADIENT_SLACK,
        )
        if problem is not None:
            return (
                "the output is right, but the gradient with respect to "
                f"{name} is wrong: {problem}",
                None,
            )
    return None, None


def _gradients(output, leaves) -> tuple[list, str | None]:
    """Gradients of all leaves, None where there is none; or what went wrong."""
    outputs = _tensors(output)
    cotangents = _cotangents(outputs)
    pairs = [p for p in zip(outputs, cotangents, strict=True) if _differentiable(p[0])]
    if not pairs or not leaves:
        return [], None
    try:
        gradients = torch.autograd.grad(
            [out for out, _ in pairs],
            [leaf for _, leaf in leaves],
            [cotangent for _, cotangent in pairs],
            allow_unused=True,
        )
    except RuntimeError as error:
        return [], _one_line(error)
    return list(gradients), None


def _cotangents(outputs: list) -> list:
    """One fixed random direction for each output, the same for both functions."""
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(out.shape, generator=generator, dtype=torch.float64).to(out)
        for out in outputs
    ]


def _differentiable(tensor: torch.Tensor) -> bool:
    """Whether a gradient flows back from this tensor."""
    return tensor.requires_grad


def _tensors(value) -> list:
    """Every floating tensor in a value, in a fixed order."""
    if isinstance(value, torch.Tensor):
        return [value] if value.is_floating_point() or value.is_complex() else []
    if isinstance(value, (tuple, list)):
        return [tensor for part in value for tensor in _tensors(part)]
    if isinstance(value, dict):
        return [
            tensor for key in sorted(value, key=str) for tensor in _tensors(value[key])
        ]
    return []


def _argument_names(function, count: int) -> list[str]:
    """'argument 2 (kernel)' for each position; the name only if it is known."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = []
    for place in range(count):
        known = place < len(parameters) and parameters[place].kind in (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        )
        named = f" ({parameters[place].name})" if known else ""
        names.append(f"argument {place + 1}{named}")
    return names


# --- Values ------------------------------------------------------------------------


def _compare(given, wanted, rtol, atol) -> str | None:
    """What is wrong with a value, or None when it is right."""
    if given is wanted and not isinstance(given, float):
        return None
    if isinstance(wanted, (torch.Tensor, np.ndarray, np.generic)):
        return _compare_arrays(given, wanted, rtol, atol)
    if isinstance(wanted, bool):
        same = isinstance(given, (bool, np.bool_)) and bool(given) == wanted
        return None if same else _differ(given, wanted)
    if isinstance(wanted, (int, float, complex)):
        return _compare_numbers(given, wanted, rtol, atol)
    if isinstance(wanted, (tuple, list)):
        return _compare_sequences(given, wanted, rtol, atol)
    if isinstance(wanted, dict):
        return _compare_dicts(given, wanted, rtol, atol)
    return (
        None
        if type(given) is type(wanted) and given == wanted
        else _differ(given, wanted)
    )


def _compare_arrays(given, wanted, rtol, atol) -> str | None:
    """Compare with a tensor or array; either will do, a 0-dim one may be a number."""
    numpy_wanted = _is_numpy(wanted)
    wanted = torch.as_tensor(np.asarray(wanted)) if numpy_wanted else wanted
    if _is_numpy(given):
        try:
            given = torch.as_tensor(np.asarray(given))
        except TypeError:
            return f"expected numbers, got an array of {given.dtype}"
        if not numpy_wanted and given.is_floating_point():
            # NumPy counts in float64 and PyTorch in float32: no mistake in itself.
            given = given.to(wanted.dtype) if wanted.is_floating_point() else given
    if wanted.dim() == 0 and isinstance(given, (bool, int, float, complex)):
        return _compare(given, wanted.item(), *_tolerance(wanted.dtype, rtol, atol))
    if not isinstance(given, torch.Tensor):
        return f"expected a tensor of shape {tuple(wanted.shape)}, got {_show(given)}"
    return _compare_tensors(given, wanted, rtol, atol)


def _compare_tensors(given, wanted, rtol, atol, slack: float = 1) -> str | None:
    """Compare shape, then dtype, then every number."""
    given, wanted = given.detach().cpu(), wanted.detach().cpu()
    if given.shape != wanted.shape:
        return f"expected shape {tuple(wanted.shape)}, got {tuple(given.shape)}"
    if given.dtype != wanted.dtype:
        return f"expected dtype {_dtype(wanted)}, got {_dtype(given)}"
    rtol, atol = _tolerance(wanted.dtype, rtol, atol, slack)
    close = torch.isclose(given, wanted, rtol=rtol, atol=atol, equal_nan=True)
    if bool(close.all()):
        return None
    return _difference(given, wanted, ~close)


def _compare_numbers(given, wanted, rtol, atol) -> str | None:
    """Compare with a plain number."""
    if isinstance(given, (torch.Tensor, np.ndarray, np.generic)):
        if math.prod(given.shape) != 1 or len(given.shape) > 0:
            return f"expected the number {_number(wanted)}, got {_show(given)}"
        rtol, atol = (
            _tolerance(given.dtype, rtol, atol)
            if isinstance(given, torch.Tensor)
            else (rtol, atol)
        )
        given = given.item()
    if isinstance(given, bool) or not isinstance(given, (int, float, complex)):
        return f"expected the number {_number(wanted)}, got {_show(given)}"
    exact = isinstance(wanted, int) and isinstance(given, int)
    default = (0, 0) if exact else (1e-6, 1e-9)
    rtol = default[0] if rtol is None else rtol
    atol = default[1] if atol is None else atol
    if given == wanted or (given != given and wanted != wanted):
        return None
    if abs(given - wanted) <= atol + rtol * abs(wanted) < math.inf:
        return None
    return f"expected {_number(wanted, given)}, got {_number(given, wanted)}"


def _compare_sequences(given, wanted, rtol, atol) -> str | None:
    """Compare a tuple or list, either of the two, part by part."""
    if not isinstance(given, (tuple, list)):
        kind = type(wanted).__name__
        return f"expected a {kind} of length {len(wanted)}, got {_show(given)}"
    if len(given) != len(wanted):
        return f"expected length {len(wanted)}, got length {len(given)}"
    for place, (mine, right) in enumerate(zip(given, wanted, strict=True)):
        problem = _compare(mine, right, rtol, atol)
        if problem is not None:
            return f"at [{place}], {problem}"
    return None


def _compare_dicts(given, wanted, rtol, atol) -> str | None:
    """Compare a dict, its keys first."""
    if not isinstance(given, dict):
        return f"expected a dict, got {_show(given)}"
    missing = [key for key in wanted if key not in given]
    extra = [key for key in given if key not in wanted]
    if missing:
        return f"expected the key {_show(missing[0])}, which is missing"
    if extra:
        return f"the key {_show(extra[0])} should not be there"
    for key, right in wanted.items():
        problem = _compare(given[key], right, rtol, atol)
        if problem is not None:
            return f"at [{key!r}], {problem}"
    return None


def _tolerance(dtype, rtol, atol, slack: float = 1) -> tuple[float, float]:
    """The tolerances that were asked for, else those of the dtype."""
    default = _TOLERANCES.get(dtype, (0.0, 0.0))
    rtol = default[0] * slack if rtol is None else rtol
    atol = default[1] * slack if atol is None else atol
    return rtol, atol


# --- Words -------------------------------------------------------------------------


def _difference(given, wanted, wrong) -> str:
    """Where two tensors of one shape and dtype differ, at a length people read."""
    if wanted.numel() <= _WHOLE_ENTRIES:
        pairs = list(
            zip(wanted.flatten().tolist(), given.flatten().tolist(), strict=True)
        )
        right = _nested(wanted, [_number(w, g) for w, g in pairs])
        mine = _nested(given, [_number(g, w) for w, g in pairs])
        return f"expected {right}, got {mine}{_pattern(given, wanted)}"
    count = int(wrong.sum())
    places = wrong.nonzero()[:_SHOWN_ENTRIES].tolist()
    lines = [
        f"  at {place}: expected {_number(w, g)}, got {_number(g, w)}"
        for place in places
        for w, g in [(wanted[tuple(place)].item(), given[tuple(place)].item())]
    ]
    if count > len(places):
        lines.append(f"  and {count - len(places):,} more")
    verb = "differs" if count == 1 else "differ"
    return (
        f"{count:,} of {wanted.numel():,} numbers {verb}{_pattern(given, wanted)}\n"
        + "\n".join(lines)
    )


def _pattern(given, wanted) -> str:
    """A remark when the answer is a plain multiple of the right one."""
    if not wanted.is_floating_point() or wanted.numel() < 2:
        return ""
    given, wanted = given.double().flatten(), wanted.double().flatten()
    if not bool(torch.isfinite(torch.cat([given, wanted])).all()):
        return ""
    energy = float(wanted @ wanted)
    factor = float(given @ wanted) / energy if energy > 0 else 0.0
    error = float((given - factor * wanted).abs().max())
    if factor == 0 or error > 1e-4 * abs(factor) * float(wanted.abs().max()):
        return ""
    if abs(factor + 1) < 1e-4:
        return " (every number has the opposite sign)"
    if abs(factor - 1) < 1e-3:
        return ""
    return f" (every number is {factor:.4g} times what it should be)"


def _nested(tensor, numbers: list[str]) -> str:
    """A small tensor as nested lists of numbers that are already text."""
    if tensor.dim() == 0:
        return numbers[0]
    if tensor.dim() == 1:
        return "[" + ", ".join(numbers) + "]"
    step = len(numbers) // len(tensor)
    rows = [
        _nested(row, numbers[place * step : (place + 1) * step])
        for place, row in enumerate(tensor)
    ]
    return "[" + ", ".join(rows) + "]"


def _number(value, other=None) -> str:
    """A number with as many figures as it takes to tell it from another."""
    if not isinstance(value, float):
        return str(value)
    for figures in (4, 6, 9, 17):
        text = f"{value:.{figures}g}"
        if not isinstance(other, float) or text != f"{other:.{figures}g}":
            return text
    return text


def _differ(given, wanted) -> str:
    """The plain sentence for two values that are not equal."""
    return f"expected {_show(wanted)}, got {_show(given)}"


def _show(value) -> str:
    """A value in a few words."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        kind = "tensor" if isinstance(value, torch.Tensor) else "array"
        return f"a {kind} of shape {tuple(value.shape)}, dtype {_dtype(value)}"
    if callable(value):
        name = getattr(value, "__name__", type(value).__name__)
        return f"the function {name}; call it to get its value"
    if isinstance(value, (str, int, float, complex, bool)):
        return _short(repr(value))
    if isinstance(value, (tuple, list, dict, set)):
        return f"a {type(value).__name__} of length {len(value)}"
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _describe(case: tuple) -> str:
    """The arguments of a case: shapes of tensors, values of the rest."""
    words = []
    for value in case:
        if isinstance(value, (torch.Tensor, np.ndarray)):
            words.append(f"{_dtype(value)} {tuple(value.shape)}")
        elif callable(value):
            words.append(getattr(value, "__name__", type(value).__name__))
        else:
            words.append(_show(value))
    return ", ".join(words)


def _dtype(value) -> str:
    """The name of a dtype without the library's."""
    return str(value.dtype).removeprefix("torch.")


def _one_line(error: Exception) -> str:
    """Type and message of an exception, cut to one line."""
    message = next(iter(str(error).strip().splitlines()), "")
    return _short(f"{type(error).__name__}: {message}".removesuffix(": "))


def _short(text: str) -> str:
    """Text cut to a length that people read."""
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _is_numpy(value) -> bool:
    """Whether a value is a NumPy array or scalar."""
    return isinstance(value, (np.ndarray, np.generic))
