"""Makes .venv and installs the pinned packages into it; the Makefile calls it first.

It runs under whatever Python a person has, so it imports the standard library only and
avoids syntax that an old Python would stumble over before it can say what is wrong.
Run it isolated, `python3 -I press/install.py`: beside it lie modules with the names of
modules of the standard library.
"""

import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OLDEST = (3, 11)
THIS = "{}.{}".format(*sys.version_info)


def stop(sentence):
    """End with one sentence that says what to do."""
    sys.exit("make: " + sentence)


def works(python):
    """Tell whether an environment's Python runs and has pip."""
    if not os.path.exists(python):
        return False
    done = subprocess.call(
        [python, "-c", "import pip"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return done == 0


def version(python):
    """Return the version of a Python as a string like 3.12."""
    code = "import sys; print('{}.{}'.format(*sys.version_info))"
    return subprocess.check_output([python, "-c", code]).decode().strip()


def create(folder):
    """Make a new environment in place of what may be there."""
    if sys.version_info < OLDEST:
        stop(
            f"the book needs Python 3.11 or newer, and this is Python {THIS}; "
            "name a newer one, for example: make book PYTHON=python3.12"
        )
    print(f"Making {folder} with Python {THIS}")
    sys.stdout.flush()
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "venv", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        stop(
            "Python could not make a virtual environment; "
            "on Debian and Ubuntu install the package python3-venv first."
        )


def install(python, requirements, log):
    """Install the packages; count them as they come, and keep pip's words in a log."""
    with open(requirements, encoding="utf-8") as file:
        total = sum(1 for line in file if "==" in line)
    print(f"Installing about {total} packages (PyTorch is large; once only)")
    command = [python, "-m", "pip", "install", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar", "off"]
    command += ["-r", requirements]
    pip = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    live, seen = sys.stdout.isatty(), 0
    with open(log, "w", encoding="utf-8") as file:
        for line in pip.stdout:
            file.write(line)
            if line.startswith(("Collecting ", "Requirement already satisfied")):
                seen += 1
                name = line.split(" (")[0].split()[-1]
                if live:
                    sys.stdout.write(f"\r  {seen}: {name}\x1b[K")
                elif seen % 40 == 0:
                    sys.stdout.write(f"  {seen} packages found\n")
            elif line.startswith("Installing collected"):
                sys.stdout.write(("\r\x1b[K" if live else "") + "  unpacking them\n")
            sys.stdout.flush()
    if pip.wait():
        with open(log, encoding="utf-8") as file:
            lines = file.read().splitlines()
        errors = [line for line in lines if line.startswith("ERROR")] or lines[-5:]
        sys.stderr.write(("\r\x1b[K" if live else "") + "\n".join(errors) + "\n")
        stop(
            "pip could not install the packages; if the network is there, "
            f"{log} has the details. Run the same command again to go on."
        )


def main(folder, explicit):
    """Bring the environment in line with requirements.txt; do nothing where it is.

    `explicit` is true when a person chose this very Python: then an environment
    of another version is made anew.
    """
    requirements = os.path.join(ROOT, "requirements.txt")
    stamp = os.path.join(folder, "installed.txt")
    python = os.path.join(folder, "bin", "python")
    if not works(python) or (explicit and version(python) != THIS):
        create(folder)
    with open(requirements, encoding="utf-8") as file:
        wanted = file.read()
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as file:
            if file.read() == wanted:
                return
    install(python, requirements, os.path.join(folder, "pip.log"))
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(wanted)


if __name__ == "__main__":
    try:
        main(sys.argv[1], len(sys.argv) > 2 and sys.argv[2] == "explicit")
    except KeyboardInterrupt:
        stop("stopped; run the same command again to go on.")
