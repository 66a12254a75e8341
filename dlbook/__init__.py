"""What a chapter imports: everything that would be noise in the text itself.

There is no deep learning in here: every idea of the book is built in the chapters.
"""

from . import data
from ._begin import begin
from ._check import check
from ._claim import ClaimError, claim
from ._explore import explore
from ._plots import plot_curves, show_images
from ._quiz import quiz

__all__ = [
    "ClaimError",
    "begin",
    "check",
    "claim",
    "data",
    "explore",
    "plot_curves",
    "quiz",
    "show_images",
]
