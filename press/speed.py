"""What makes a rebuild quick: work that other packages do and that need not be done.

An edit of prose in a chapter of 3,400 lines took 12 s before, most of it these two.
"""

import sys
from pathlib import Path


def skip_slow_import() -> None:
    """Keep jsonschema from compiling 38 grammars (2 s) that check no field of ours.

    They are for addresses in international letters, and jsonschema does without them
    where their package is missing.
    """
    sys.modules.setdefault("rfc3987_syntax", None)


class Remembering:
    """A Sphinx environment for looking only: it loads each doctree once.

    Sphinx loads the whole doctree of a chapter for each reference to a figure in it.
    """

    def __init__(self, env):
        self._env = env
        self._doctrees = {}

    def __getattr__(self, name):
        return getattr(self._env, name)

    def get_doctree(self, docname: str):
        """Return a page's doctree, which nobody may change."""
        path = Path(self._env.doctreedir, f"{docname}.doctree")
        version = path.stat().st_mtime_ns
        if self._doctrees.get(docname, (None,))[0] != version:
            self._doctrees[docname] = version, self._env.get_doctree(docname)
        return self._doctrees[docname][1]


def remember_doctrees(app) -> None:
    """Resolve references to numbered figures with doctrees that are loaded once."""
    domain, remembering = app.env.get_domain("std"), Remembering(app.env)
    resolve = domain._resolve_numref_xref

    def resolve_with_memory(env, *rest):
        return resolve(remembering, *rest)

    domain._resolve_numref_xref = resolve_with_memory


def setup(app):
    """Register with Sphinx."""
    app.connect("builder-inited", remember_doctrees)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
