"""The Makefile and the installer: what a person with the wrong machine is told."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ["help", "book", "notebooks", "chapter", "serve", "lab", "test"]
TARGETS += ["report", "links", "clean", "lock"]


@pytest.fixture
def folder(tmp_path):
    """A folder with the Makefile and the installer, and no environment yet."""
    (tmp_path / "press").mkdir()
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "press" / "install.py", tmp_path / "press")
    (tmp_path / "requirements.txt").write_text("a-package==1.0\n")
    return tmp_path


@pytest.fixture
def installer(folder):
    """The installer as a module, with `folder` as the root of its book."""
    path = folder / "press" / "install.py"
    spec = importlib.util.spec_from_file_location("installer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make(folder, *arguments, **environment):
    kept = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "PYTHON")}
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def fake(path: Path, script: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_plain_make_lists_every_target(folder):
    listed = make(folder).stdout
    for target in TARGETS:
        assert re.search(rf"make {target}\s+\S", listed), target


@pytest.mark.parametrize("target", ["book", "test", "lab"])
def test_a_missing_python_is_named(folder, target):
    done = make(folder, target, "PYTHON=no-such-python")
    assert done.returncode != 0
    assert "no-such-python" in done.stderr
    assert "3.11" in done.stderr


def test_an_old_python_is_told_what_to_do(installer, monkeypatch, tmp_path):
    monkeypatch.setattr(installer.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(installer, "THIS", "3.9")
    with pytest.raises(SystemExit, match=r"3\.11 or newer.*3\.9.*PYTHON="):
        installer.create(str(tmp_path / "v"))
    assert not (tmp_path / "v").exists()


def test_without_a_network_one_sentence_and_another_try(installer, tmp_path):
    python = fake(tmp_path / "v/bin/python", 'echo "ERROR: no route"; exit 1')
    log = tmp_path / "pip.log"
    requirements = tmp_path / "requirements.txt"
    with pytest.raises(SystemExit, match="network"):
        installer.install(str(python), str(requirements), str(log))
    assert "no route" in log.read_text()


def test_installs_once_and_again_when_a_pin_changes(installer, folder, monkeypatch):
    calls = folder / "calls"
    fake(folder / "v/bin/python", f'case "$*" in *install*) echo x >> {calls};; esac')
    for _ in range(2):
        installer.main(str(folder / "v"), False)
    assert calls.read_text().count("x") == 1
    (folder / "requirements.txt").write_text("a-package==2.0\n")
    installer.main(str(folder / "v"), False)
    assert calls.read_text().count("x") == 2


def test_a_killed_installation_is_taken_up_again(installer, folder):
    calls = folder / "calls"
    script = f'case "$*" in *install*) echo x >> {calls}; test -e {folder}/net;; esac'
    fake(folder / "v/bin/python", script)
    with pytest.raises(SystemExit):
        installer.main(str(folder / "v"), False)
    (folder / "net").touch()
    installer.main(str(folder / "v"), False)
    assert calls.read_text().count("x") == 2


def test_a_broken_environment_is_made_anew(installer, folder, monkeypatch):
    made = []
    fake(folder / "v/bin/python", "exit 1")
    monkeypatch.setattr(installer, "create", made.append)
    monkeypatch.setattr(installer, "install", lambda *_: None)
    installer.main(str(folder / "v"), False)
    assert made == [str(folder / "v")]


def test_a_chosen_python_replaces_another_version(installer, folder, monkeypatch):
    made = []
    fake(folder / "v/bin/python", "echo 3.10")
    monkeypatch.setattr(installer, "create", made.append)
    monkeypatch.setattr(installer, "install", lambda *_: None)
    installer.main(str(folder / "v"), False)
    assert made == []
    installer.main(str(folder / "v"), True)
    assert made == [str(folder / "v")]


def test_the_installer_needs_no_package_and_no_folder(tmp_path):
    """It runs isolated, so modules beside it shadow none of the standard library."""
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            f"exec(open({str(ROOT / 'press/install.py')!r})"
            ".read(), {'__name__': 'x', '__file__': 'x'})",
        ],
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0


def test_ci_run_is_sound_bash_and_calls_make_test():
    script = ROOT / ".ci" / "run"
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    assert os.access(script, os.X_OK)
    text = script.read_text()
    assert "set -euo pipefail" in text
    assert re.search(r"^make .*\btest\b", text, flags=re.M)


def test_every_action_is_pinned_by_commit():
    uses = [
        line
        for path in (ROOT / ".github" / "workflows").glob("*.yml")
        for line in path.read_text().splitlines()
        if "uses:" in line
    ]
    assert uses
    for line in uses:
        assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line
