"""The press: a Sphinx extension that turns chapters into the site and the notebooks."""

import importlib

from press.speed import skip_slow_import

skip_slow_import()

# Each of these modules has a setup(app) and does one thing; its docstring says which.
MODULES = [
    "execution",
    "speed",
    "repository",
    "math",
    "page",
    "light",
    "notebooks",
    "lint",
]


def setup(app):
    """Load every part of the press into Sphinx."""
    for name in MODULES:
        importlib.import_module(f"press.{name}").setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
