"""A sentence of the text as a check that runs."""

import math
import numbers
import re


class ClaimError(AssertionError):
    """A sentence of the text does not hold in this run."""


def claim(text: str, condition: bool, shown: object = None) -> None:
    """Print ``✓ text (shown)``; raise when the sentence does not hold.

    Args:
        text: the sentence, as a reader would say it.
        condition: whether it holds here: a Python or NumPy ``bool``.
        shown: the figures that the sentence rests on, a string or one number,
            for example ``"0.93 against 0.71"``.

    Raises:
        ClaimError: the condition is false.
        TypeError, ValueError: an argument is not what it should be. A claim that
            compares tensors must say how: ``bool(...)`` or ``.all().item()``.
    """
    if not isinstance(text, str) or not text.strip():
        raise TypeError("claim: the first argument must be the sentence, a string.")
    holds = _as_bool(condition)
    figures = _figures(shown)
    sentence = f"{text} ({figures})" if figures else text
    if not holds:
        raise ClaimError(f"✗ This does not hold here: {sentence}")
    print(f"✓ {sentence}")


def _as_bool(condition: object) -> bool:
    """The condition as a bool, or one sentence that says what it is instead."""
    if isinstance(condition, bool):
        return condition
    kind = type(condition)
    if kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_"):
        return bool(condition)
    if condition is None:
        raise TypeError("claim: the condition is None; write the comparison itself.")
    if hasattr(condition, "shape") and hasattr(condition, "dtype"):
        _reject_array(condition)
    if isinstance(condition, numbers.Real) and math.isnan(condition):
        raise ValueError("claim: the condition is NaN; find out where it comes from.")
    raise TypeError(
        f"claim: the condition must be True or False, but it is a {kind.__name__}; "
        "write the comparison itself, such as `error < 0.1`."
    )


def _reject_array(condition: object) -> None:
    """Raise for a tensor or an array, with what to write instead."""
    shape = tuple(condition.shape)
    if math.prod(shape) != 1:
        raise ValueError(
            f"claim: the condition has shape {shape}, so it says {math.prod(shape)} "
            "things; reduce it to one with bool((...).all()) or bool((...).any())."
        )
    value = condition.item()
    if isinstance(value, float) and math.isnan(value):
        raise ValueError("claim: the condition is NaN; find out where it comes from.")
    raise TypeError(
        "claim: the condition is a tensor or array; turn it into a plain bool with "
        ".item() or bool()."
    )


def _figures(shown: object) -> str:
    """The figures of a claim as text; NaN is never a figure."""
    if shown is None:
        return ""
    if hasattr(shown, "shape"):
        if math.prod(shown.shape) != 1:
            raise ValueError(
                f"claim: shown has shape {tuple(shown.shape)}; give one number, or "
                "a string with the figures in it."
            )
        shown = shown.item()
    if isinstance(shown, float):
        shown = f"{shown:.4g}"
    text = str(shown).strip()
    if re.search(r"(?<![A-Za-z])nan(?![A-Za-z])", text, re.IGNORECASE):
        raise ValueError(f"claim: shown has a NaN in it ({text}); find its source.")
    return text
