"""What the dashboard's server reads in before the first visitor comes."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
READ_IN = """
import json, sys
from raise_core.ui.server import read_in_pages
names = read_in_pages()
print(json.dumps({"names": names, "torch": "torch" in sys.modules}))
"""


def test_everything_a_page_imports_is_read_in_and_torch_is_not():
    done = subprocess.run([sys.executable, "-c", READ_IN], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout.splitlines()[-1])
    wanted = {
        name
        for page in [REPOSITORY / "app.py", *REPOSITORY.joinpath("pages").glob("*.py")]
        for node in ast.parse(page.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom) and node.module.startswith("raise_core.ui")
        for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        if (REPOSITORY / f"{name.replace('.', '/')}.py").is_file()
    }
    assert wanted
    assert wanted <= set(answer["names"])
    assert not answer["torch"]
