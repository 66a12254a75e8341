"""An environment with Colab's versions, made once and kept in .venv-colab.

`python tests/notebooks/colab.py` makes it now and prints the path of its Python.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = Path(__file__).with_name("colab-requirements.txt")
FOLDER = ROOT / ".venv-colab"
STAMP = "made-from.sha256"


def key_of(requirements):
    """What an environment is made from: the pins and the Python."""
    content = Path(requirements).read_bytes() + sys.version.encode()
    return hashlib.sha256(content).hexdigest()


def python_of(folder):
    """The interpreter of the environment in `folder`."""
    return Path(folder) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_current(folder, requirements):
    """Whether `folder` holds a whole environment made from these requirements."""
    stamp = Path(folder) / STAMP
    return stamp.is_file() and stamp.read_text() == key_of(requirements)


def colab_python(requirements=REQUIREMENTS, folder=FOLDER):
    """Return the Python of the environment, made now if need be.

    Several test workers may ask at once: one makes it, the others wait.

    Raises
    ------
    RuntimeError
        The packages could not be installed.
    """
    folder = Path(folder)
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    with FileLock(Path(tempfile.gettempdir()) / f"dlbook-{name}.lock"):
        if not is_current(folder, requirements):
            _make(folder, requirements)
    return python_of(folder)


def _make(folder, requirements):
    shutil.rmtree(folder, ignore_errors=True)
    python = str(python_of(folder))
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        # Without dependencies, as widgetsnbextension would bring a whole JupyterLab;
        # then torch with its own, which some of its builds need to be imported.
        [python, *pip, "--no-deps", "-r", str(requirements)],
        [python, *pip, "-c", str(requirements), "torch"],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            raise RuntimeError(
                "The environment with Colab's versions could not be made; check the "
                f"network, then run `{Path(sys.executable).name} "
                f"tests/notebooks/colab.py`: {done.stderr.strip()[-1500:]}"
            )
    # Written last: an install that was cut off is made again.
    (folder / STAMP).write_text(key_of(requirements))


if __name__ == "__main__":
    print(colab_python())
