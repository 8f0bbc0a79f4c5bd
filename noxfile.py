"""The checks: `nox` runs them, `nox --list` names them, `nox -s tests -- -k retry` runs some tests."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
LARGEST_WHEEL = 300_000  # bytes
SHORT = {"PRINTNOW_TESTS": "short"}  # see tests/support/scale.py


def works(python: str | Path, version: str) -> bool:
    """Whether an interpreter runs, is of that version, and has what pip, venv and coverage need.

    A pyenv shim of a version that is not switched on exists but fails; a system may leave out ensurepip.
    """
    program = "import ensurepip, sqlite3, ssl, sys, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        run = subprocess.run(
            [python, "-c", program],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return run.returncode == 0 and run.stdout.strip() == version


def candidates(version: str) -> Iterator[str | Path]:
    """Where an interpreter may be: the one running this, PATH, pyenv (newest patch first)."""
    yield sys.executable
    for folder in os.get_exec_path():
        if found := shutil.which(f"python{version}", path=folder):
            yield found
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    released = re.compile(re.escape(version) + r"\.(\d+)")
    patches = {int(match[1]): path for path in versions.glob("*") if (match := released.fullmatch(path.name))}
    for patch in sorted(patches, reverse=True):
        yield patches[patch] / "bin" / "python"


def interpreters() -> dict[str, str]:
    """Each supported version of Python that this machine has, with the path of an interpreter that works."""
    found: dict[str, str] = {}
    for version in nox.project.python_versions(PYPROJECT):
        if python := next((python for python in candidates(version) if works(python, version)), None):
            found[version] = str(python)
    return found


def group(name: str) -> tuple[str, ...]:
    """The requirements of a dependency group, spelled out so that an older pip can install them."""
    return nox.project.dependency_groups(PYPROJECT, name)


def unit_tests() -> list[str]:
    """The files of tests that need no socket, no other process, no extra and nothing else of the checkout."""
    rooms = ("bulk", "client", "engine", "house", "sandbox", "secrecy", "telemetry", "values")
    return sorted(f"tests/{room}/{path.name}" for room in rooms for path in ROOT.glob(f"tests/{room}/test_*_unit.py"))


PYTHONS = interpreters()

nox.needs_version = ">=2026.8.10"  # --parallel
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = [
    "lint",
    "types",
    "wheel",
    "docs",
    "lowest",
    "demo",
    *(f"tests-{version}" for version in PYTHONS),
]


@nox.session(allow_parallel=True)
def lint(session: nox.Session) -> None:
    """The linter, the formatter's opinion, and the contracts between the rooms."""
    session.install("-q", *group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports", "--no-cache")


@nox.session(allow_parallel=True)
def types(session: nox.Session) -> None:
    """Two type checkers, both strict."""
    session.install("-q", "-e", ".[all]", *group("types"))
    checked = ("printnow_async", "printnow_async_pytest.py", "examples", "tests/typing")
    session.run("mypy", "--strict", *(path for path in checked if (ROOT / path).exists()))
    # Told where to look: by itself it would take a .venv beside pyproject.toml.
    session.run("basedpyright", "--pythonpath", str(Path(session.bin, "python")))


def run_tests(session: nox.Session) -> None:
    """The test suite on one interpreter, and on all cores; options after `--` go to pytest.

    The first interpreter found runs every test in full, and measures what is covered. On the others the tests that do
    the same many times do a tenth, and the tests that do not depend on the interpreter are left out.
    """
    session.install("-q", "-e", ".[all]", *group("test"))
    pytest = ("-m", "pytest", "-n", "auto", "--dist", "worksteal", *session.posargs)
    if session.name != f"tests-{next(iter(PYTHONS))}":
        session.run("python", *pytest, env=SHORT)
        return
    data = session.cache_dir.resolve() / f"coverage-{session.name}"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    measured = {"COVERAGE_FILE": str(data / ".coverage")}
    session.run("coverage", "run", *pytest, env=measured)
    session.run("coverage", "combine", "-q", env=measured)
    # the floor holds for the whole suite only
    session.run("coverage", "report", *(["--fail-under=0"] if session.posargs else []), env=measured)


for _version, _python in PYTHONS.items():
    nox.session(run_tests, name=f"tests-{_version}", python=_python, tags=["tests"])


@nox.session(default=False, venv_backend="none", requires=[f"tests-{version}" for version in PYTHONS])
def tests(_: nox.Session) -> None:
    """The test suite on every interpreter found."""


@nox.session(allow_parallel=True)
def docs(session: nox.Session) -> None:
    """The documentation as HTML in docs/_build, warnings being errors, and every link inside it followed."""
    session.install("-q", "-e", ".[all]", "pytest-asyncio", *group("docs"))
    built = ROOT / "docs" / "_build"
    shutil.rmtree(built, ignore_errors=True)
    session.run("python", "-m", "sphinx", "-q", "-n", "-W", "--keep-going", "docs", str(built))
    session.run("python", "docs/check_built.py", str(built))


@nox.session(allow_parallel=True)
def wheel(session: nox.Session) -> None:
    """Build what users install, look into it, and test it where the checkout cannot be imported."""
    work = session.cache_dir.resolve() / "wheel"
    shutil.rmtree(work, ignore_errors=True)
    session.install("-q", "build", "twine")
    # The wheel is built from the sdist, so a file that the sdist lacks is missed here.
    session.run("python", "-m", "build", "--outdir", str(work / "dist"), silent=True)
    (built,), (source,) = (work / "dist").glob("*.whl"), (work / "dist").glob("*.tar.gz")
    session.run("python", "-m", "twine", "check", "--strict", str(built), str(source), silent=True)
    check_wheel(session, built)
    check_sdist(session, source)

    shutil.copytree(ROOT / "tests", work / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", work)
    for number, (version, python) in enumerate(PYTHONS.items()):
        session.run(python, "-m", "venv", str(work / version), external=True)
        with session.chdir(work):
            try_wheel(runner(session, work / version), built, whole=number == 0)


def try_wheel(run: Callable[..., None], built: Path, *, whole: bool) -> None:
    """Install the wheel in an environment with nothing else, import it, and run the unit tests, or a few of them."""
    run("pip", "install", "-q", str(built))
    run("-c", "import printnow_async; assert 'site-packages' in printnow_async.__file__")
    run("pip", "install", "-q", f"{built}[cli]")
    run("printnow_async", "--version")
    if whole:
        run("pip", "install", "-q", *group("test"))
        run("pytest", *unit_tests(), "-q", "-n", "auto", "--dist", "worksteal", env=SHORT)
    else:
        run("pip", "install", "-q", "pytest", "pytest-asyncio")
        run(
            "pytest",
            "--noconftest",
            "-q",
            *(f"tests/values/test_{name}_unit.py" for name in ("errors", "models", "options")),
        )


@nox.session(allow_parallel=True, python=next(iter(PYTHONS.values()), None))
def lowest(session: nox.Session) -> None:
    """The unit tests, or what follows `--`, with the lowest versions that are allowed, on the oldest Python."""
    pins = Path(session.create_tmp()).resolve() / "lowest.txt"
    pins.write_text("\n".join(lowest_versions()), encoding="utf-8")
    session.install("-q", "-c", str(pins), "-e", ".[all]", *group("test"))
    chosen = session.posargs or unit_tests()
    session.run("python", "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal", *chosen, env=SHORT)


def lowest_versions() -> list[str]:
    """Each dependency of the package and its extras, pinned to its lower bound."""
    project = PYPROJECT["project"]
    wanted = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    # what the tests need of OpenTelemetry fits its API in the version of the same day only
    wanted += [requirement for requirement in group("test") if requirement.startswith("opentelemetry-")]
    found = (re.match(r"([\w.-]+)(?:\[.*?\])?>=([\w.]+)", requirement) for requirement in wanted)
    return sorted({f"{match[1]}=={match[2]}" for match in found if match})


def runner(session: nox.Session, venv: Path) -> Callable[..., None]:
    """Runs a module, or a program after `-c`, with the Python of another environment."""
    python = venv / ("Scripts" if os.name == "nt" else "bin") / "python"

    def run(module: str, *args: str, env: Mapping[str, str] | None = None) -> None:
        start = () if module == "-c" else ("-m",)
        quiet = module == "pip"  # what it says is shown if it fails
        session.run(
            str(python), *start, module, *args, external=True, silent=quiet, env={"PYTHONPATH": None, **(env or {})}
        )

    return run


def check_wheel(session: nox.Session, wheel: Path) -> None:
    """The package, its pytest plugin and its metadata, nothing else, and small."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    strangers = [name for name in names if not re.match(r"printnow_async((-[^/]+\.dist-info)?/|_pytest\.py$)", name)]
    if strangers:
        session.error(f"the wheel holds what it should not: {strangers}")
    if "printnow_async/py.typed" not in names:
        session.error("the wheel has no py.typed")
    if (size := wheel.stat().st_size) > LARGEST_WHEEL:
        session.error(f"the wheel has {size} bytes, more than {LARGEST_WHEEL}")
    session.log(f"{wheel.name}: {len(names)} files, {size} bytes")


def check_sdist(session: nox.Session, source: Path) -> None:
    """Everything that a distributor needs to build, test and document, and nothing that was left lying about."""
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "docs/conf.py",
        "noxfile.py",
        "pyproject.toml",
        "tests/conftest.py",
    }
    if missing := needed - names:
        session.error(f"the sdist lacks {sorted(missing)}")
    # hatchling takes .gitignore along
    left_over = re.compile(r"(^|/)(_build|__pycache__|\.(?!gitignore$)[^/]+)(/|$)|\.(db|journal)$")
    if strangers := sorted(filter(left_over.search, names)):
        session.error(f"the sdist holds what it should not: {strangers}")


@nox.session(allow_parallel=True)
def demo(session: nox.Session) -> None:
    """`printnow demo`, as a user would run it after installing."""
    session.install("-q", ".[cli]")
    with session.chdir(session.create_tmp()):
        session.run("printnow", "demo")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """The benchmarks, side by side with other clients; options after `--` go to benchmarks/run.py."""
    session.install("-q", ".[speed]", *group("bench"))
    # Progress stays on standard error: what goes to a file is the tables, or the JSON, alone.
    session.run("python", "benchmarks/run.py", *session.posargs, stderr=None)
