"""What the build says when something is wrong, and how it recovers; no kernels here."""

import os
import time

import pytest

from press import __main__ as commands
from press.build import Book, Problem, copy_folder, start_clean_after_a_failure


def make_book(root, toc="format: jb-book\nroot: index\n"):
    (root / "chapters").mkdir()
    (root / "chapters" / "index.md").write_text("# Home\n")
    (root / "_config.yml").write_text("title: T\nonly_build_toc_files: true\n")
    (root / "_toc.yml").write_text(toc)
    return Book(root)


def test_failed_cells_come_after_all_warnings(tmp_path):
    failure = "part/one: cell 2 of 3 failed: ValueError: no\nTraceback"
    warnings = [f"x.md:3: WARNING: {failure} [mystnb.exec]", "x.md:9: WARNING: label"]
    text = Book(tmp_path).explain(warnings, [failure], 1)
    assert text.index("WARNING: label") < text.index("Traceback")
    assert text.count("Traceback") == 1
    assert "part/one: cell 2 of 3" in text.splitlines()[-1]


def test_a_crash_of_a_builder_is_told(tmp_path):
    said = ["x.md:9: WARNING: label", "Exception occurred:", "Please report this"]
    text = Book(tmp_path).explain(said, [], RuntimeError("the builder broke"))
    assert "the builder broke" in text.splitlines()[-1]
    assert "WARNING: label" in text
    assert "Please report" not in text


def test_paths_are_told_from_the_root_of_the_book(tmp_path):
    book = Book(tmp_path)
    text = book.explain([f"{book.chapters}/a.md:1: WARNING: odd"], [], 1)
    assert str(tmp_path) not in text
    assert "chapters/a.md:1" in text


def test_a_chapters_warnings_are_told_from_those_of_others(tmp_path):
    book = Book(tmp_path)
    mine = book.chapters / "a.md"
    assert book.concerns(f"{mine}:3: WARNING: odd", mine)
    assert book.concerns("WARNING: something in general", mine)
    assert not book.concerns(f"{book.chapters / 'b.md'}:3: WARNING: odd", mine)


def test_a_table_of_contents_that_cannot_be_read_is_a_problem(tmp_path):
    with pytest.raises(Problem, match=r"_toc\.yml"):
        make_book(tmp_path, "format: jb-book\nchapters: 3\n").names()


def test_a_build_that_failed_starts_clean(tmp_path):
    doctrees = tmp_path / ".doctrees"
    with pytest.raises(ZeroDivisionError), start_clean_after_a_failure(tmp_path):
        doctrees.mkdir()
        raise ZeroDivisionError
    with start_clean_after_a_failure(tmp_path):
        assert not doctrees.exists()
        doctrees.mkdir()
    with start_clean_after_a_failure(tmp_path):
        assert doctrees.exists()


def test_a_copied_folder_keeps_nothing_old(tmp_path):
    new, old = tmp_path / "new", tmp_path / "old"
    for folder in (new, old):
        folder.mkdir()
        (folder / f"{folder.name}.txt").write_text("x")
    copy_folder(new, old)
    assert [path.name for path in old.iterdir()] == ["new.txt"]


def test_an_unknown_chapter_names_the_known_ones(capsys):
    assert commands.main(["chapter", "foundations/nothing"]) == 1
    said = capsys.readouterr().out
    assert "foundations/linear_filtering" in said
    assert commands.main(["chapter", ""]) == 1
    assert "foundations/linear_filtering" in capsys.readouterr().out


def test_a_taken_port_is_answered_with_another(capsys):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert commands.main(["serve", "--port", str(port)]) == 1
    assert "PORT=" in capsys.readouterr().out


def test_the_watcher_sees_an_edit_and_ignores_hidden_files(tmp_path):
    book = make_book(tmp_path)
    before = commands.snapshot(tmp_path)
    page = book.chapters / "index.md"
    (book.chapters / ".index.md.swp").write_text("x")
    assert commands.snapshot(tmp_path) == before
    later = time.time() + 5
    os.utime(page, (later, later))
    assert commands.snapshot(tmp_path) != before


def test_lab_reads_the_books_settings_and_leaves_the_home_folder_alone(monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/of/a/person")
    environment = commands.lab_environment()
    paths = environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert paths[-1] == "/of/a/person"
    for name in ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"):
        assert not environment[name].startswith(os.path.expanduser("~/.jupyter"))


def test_lab_opens_text_notebooks_with_jupytext(monkeypatch, tmp_path):
    from jupyterlab_server.settings_utils import _get_overrides

    config_path = commands.lab_environment()["JUPYTER_CONFIG_PATH"]
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", config_path)
    overrides, error = _get_overrides(str(tmp_path))
    viewers = overrides["@jupyterlab/docmanager-extension:plugin"]["defaultViewers"]
    assert error is None or error == ""
    assert viewers["markdown"] == "Jupytext Notebook"
