"""What import-linter cannot see: stray folders, app.py and pages, and what a page drags in."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "raise_core"
PAGES = [REPOSITORY / "app.py", *sorted((REPOSITORY / "pages").glob("*.py"))]
MOST_LINES, MOST_PAGE_LINES = 400, 80


def imported(file: Path) -> set[str]:
    """Modules a file imports, at any depth of its code."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_every_folder_of_the_package_is_a_package():
    folders = {file.parent for file in PACKAGE.rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_the_top_level_holds_what_was_agreed():
    tracked = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    top = {line.split("/")[0] for line in tracked.splitlines()}
    assert top <= {
        "app.py", "pages", "raise_core", "cache", "tests", ".streamlit", "requirements.txt", "README.md", "Makefile",
        "pyproject.toml", ".ci", ".gitignore", "LICENSE", "docs",
    }  # fmt: skip


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_streamlit_stays_in_the_interface(file):
    if "ui" in file.relative_to(PACKAGE).parts[:1]:
        return
    assert not any(name.split(".")[0] == "streamlit" for name in imported(file))


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_pages_know_only_the_interface_and_stay_short(file):
    names = imported(file)
    assert all(name.startswith(("raise_core.ui", "streamlit")) for name in names), names
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_PAGE_LINES


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_files_hold_one_concept(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    assert file.stem not in {"utils", "helpers", "common", "misc"}


def test_pages_import_no_torch():
    """A page that only reads results opens without the seconds that torch, MONAI or SimpleITK take."""
    modules = sorted({name for page in PAGES for name in imported(page) if name.startswith("raise_core.ui")})
    found = [name for name in modules if (REPOSITORY / (name.replace(".", "/") + ".py")).exists()]
    code = (
        f"import importlib, sys\nfor name in {found!r}: importlib.import_module(name)\n"
        "print(sorted({'torch', 'torchvision', 'SimpleITK', 'sksurv', 'lifelines'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_databases_are_asked_in_the_store_alone(file):
    if file.relative_to(PACKAGE).parts[0] == "store":
        return
    allowed = {"raise_core/studies/health.py"}  # names the database's version
    names = imported(file) & {"duckdb", "sqlite3"}
    assert not names or str(file.relative_to(REPOSITORY)) in allowed


def test_only_one_file_touches_the_address_bar():
    """Two writers of one parameter would fight; a bound widget would break back and forward."""
    users = {
        file.name
        for file in [*PAGES, *PACKAGE.joinpath("ui").rglob("*.py")]
        if "query_params[" in (text := file.read_text(encoding="utf-8")) or "query_params." in text or "bind=" in text
    }
    assert users == {"address.py"}
