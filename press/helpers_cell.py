"""The first code cell of a published notebook: the helpers that its chapter uses.

Colab opens a notebook with nothing beside it, so the source of those modules of
`dlbook` that the chapter imports, and of what they import in turn, travels inside the
notebook as readable text.
"""

import ast
import re
from pathlib import Path

PACKAGE = "dlbook"
TITLE = "The book's helpers (run this first)"
# Files that a module may read with importlib.resources travel along when it names them.
TEXT_SUFFIXES = {".js", ".css", ".html", ".json", ".txt", ".svg", ".mplstyle"}

_MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)

_INTRODUCTION = """\
#@title {title} {{ display-mode: "form" }}
# The chapter imports a few helpers for plots, checks and interactive figures. Their
# source is below, so this notebook needs no installation and no other file.
import importlib
import sys
import tempfile
from pathlib import Path

_sources = {{}}
"""

_INSTALLATION = """\
# Write them to a folder that vanishes with the kernel, and make Python look there
# first; a copy that was imported before is forgotten.
_before = globals().get("_helpers")
if _before is not None:
    sys.path[:] = [entry for entry in sys.path if entry != _before.name]
_helpers = tempfile.TemporaryDirectory(prefix="{package}-", ignore_cleanup_errors=True)
for _name, _text in _sources.items():
    _file = Path(_helpers.name, "{package}", _name)
    _file.parent.mkdir(parents=True, exist_ok=True)
    _file.write_text(_text, encoding="utf-8")
sys.path.insert(0, _helpers.name)
for _name in list(sys.modules):
    if _name == "{package}" or _name.startswith("{package}."):
        del sys.modules[_name]
importlib.invalidate_caches()"""


class HelpersError(Exception):
    """A chapter imports something from dlbook that dlbook does not have."""


def helpers_cell(cell_sources, package_folder: Path) -> str | None:
    """The source of the helpers cell for a chapter with these code cells.

    Returns None when the chapter imports nothing from dlbook. Raises HelpersError,
    naming what is missing, for an import that dlbook cannot satisfy.
    """
    names = imported_names(cell_sources)
    if not names:
        return None
    files = embedded_files(names, Path(package_folder))
    parts = [_INTRODUCTION.format(title=TITLE)]
    for name, text in files.items():
        parts.append(f"_sources[{name!r}] = {as_literal(text)}\n")
    parts.append(_INSTALLATION.format(package=PACKAGE))
    return "\n".join(parts)


def imported_names(cell_sources) -> set[str]:
    """The names that these cells import from dlbook; "*" stands for all of them."""
    names = set()
    for source in cell_sources:
        for node in ast.walk(_parse(source)):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names |= _names_of_import_from(node)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    first, _, rest = alias.name.partition(".")
                    if first == PACKAGE:
                        names.add(rest.split(".")[0] or "*")
    return names


def _names_of_import_from(node: ast.ImportFrom) -> set[str]:
    first, _, rest = (node.module or "").partition(".")
    if first != PACKAGE:
        return set()
    if rest:
        return {rest.split(".")[0]}
    return {alias.name for alias in node.names}


def _parse(source: str) -> ast.Module:
    """The syntax tree of a cell without its IPython magics; empty when there is none.

    A cell that is not Python at all has already failed when the chapter was run.
    """
    if source.lstrip().startswith("%%"):
        return ast.Module(body=[], type_ignores=[])
    try:
        return ast.parse(_MAGIC.sub(r"\1pass", source))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def embedded_files(names: set[str], folder: Path) -> dict[str, str]:
    """File name -> text of the package trimmed to what these names need."""
    root = folder / "__init__.py"
    root_source = root.read_text(encoding="utf-8")
    tree = ast.parse(root_source)
    origin = _origins(tree, folder)
    wanted = set(origin) if "*" in names else names
    modules, pending = set(), []
    for name in sorted(wanted):
        if name in origin:
            pending.append(origin[name])
        elif _module_file(folder, name):
            pending.append(name)
        else:
            raise HelpersError(
                f"the chapter imports {name!r} from {PACKAGE}, "
                f"which {PACKAGE}/__init__.py does not offer"
            )
    while pending:
        module = pending.pop()
        if module in modules:
            continue
        modules.add(module)
        path = _module_file(folder, module)
        pending += _relative_imports(path.read_text(encoding="utf-8"), folder)
    files = {"__init__.py": _trimmed_root(tree, root_source, modules, folder)}
    for module in sorted(modules):
        path = _module_file(folder, module)
        files[path.relative_to(folder).as_posix()] = path.read_text(encoding="utf-8")
    files.update(_text_files(folder, files.values()))
    return files


def _module_file(folder: Path, name: str) -> Path | None:
    candidates = [folder / f"{name}.py", folder / name / "__init__.py"]
    return next((path for path in candidates if path.is_file()), None)


def _package_imports(node: ast.stmt, folder: Path):
    """(module, name, name here) for each name that a statement imports from dlbook."""
    if not isinstance(node, ast.ImportFrom):
        return
    module = node.module or ""
    if node.level == 0:
        first, _, module = module.partition(".")
        if first != PACKAGE:
            return
    elif node.level > 1:
        return
    for alias in node.names:
        source = module.split(".")[0] or alias.name
        if _module_file(folder, source):
            yield source, alias.name, alias.asname or alias.name


def _origins(tree: ast.Module, folder: Path) -> dict[str, str]:
    """Public name -> the module that it comes from, as dlbook/__init__.py says."""
    return {
        here: module
        for node in tree.body
        for module, _, here in _package_imports(node, folder)
    }


def _relative_imports(source: str, folder: Path) -> list[str]:
    """The modules of the package that a module imports, anywhere in its text."""
    found = []
    for node in ast.walk(ast.parse(source)):
        found += [module for module, _, _ in _package_imports(node, folder)]
        if isinstance(node, ast.Import):
            for alias in node.names:
                first, _, rest = alias.name.partition(".")
                if first == PACKAGE and rest and _module_file(folder, rest):
                    found.append(rest)
    return found


def _trimmed_root(tree, source: str, modules: set[str], folder: Path) -> str:
    """dlbook/__init__.py without the imports of the modules that stay behind."""
    origin = _origins(tree, folder)
    absent = {name for name, module in origin.items() if module not in modules}
    lines = []
    for node in tree.body:
        if _is_all(node):
            kept = [name for name in ast.literal_eval(node.value) if name not in absent]
            lines.append("__all__ = [")
            lines += [f'    "{name}",' for name in kept]
            lines.append("]")
        elif any(True for _ in _package_imports(node, folder)):
            aliases = [a for a in node.names if (a.asname or a.name) not in absent]
            if aliases:
                kept_node = ast.ImportFrom(node.module, aliases, node.level)
                lines.append(ast.unparse(kept_node))
        else:
            lines.append(ast.get_source_segment(source, node))
    return "\n".join(lines) + "\n"


def _is_all(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "__all__"
    )


def _text_files(folder: Path, sources) -> dict[str, str]:
    """The package's text files that one of these sources names."""
    everything = "\n".join(sources)
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix in TEXT_SUFFIXES and path.name in everything:
            name = path.relative_to(folder).as_posix()
            files[name] = path.read_text(encoding="utf-8")
    return files


def as_literal(text: str) -> str:
    """A Python literal for `text` that a person can read: raw and triple-quoted."""
    for quotes in ("'''", '"""'):
        literal = f"r{quotes}{text}{quotes}"
        if quotes not in text and not text.endswith((quotes[0], "\\")):
            return literal
    lines = [f"    {line!r}" for line in text.splitlines(keepends=True)]
    return "\n".join(["(", *lines, ")"])
