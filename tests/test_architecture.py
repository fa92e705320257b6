"""The layers of the house: who may import whom, and what importing costs."""

import ast
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "ogive"

# From the ground up. A unit may import units of lower layers; not its siblings, not upwards.
LAYERS = (
    ("_errors", "_typing", "_resources", "_threads"),
    ("_checks", "_writing", "_record", "_whole_numbers"),
    ("_devices",),
    ("_container",),
    ("_training",),
    ("data",),
    ("kernels",),
    ("operators", "features"),
    ("solvers",),
    ("estimators", "nn", "keras", "preprocessing"),
    ("diagnostics", "tuning", "images"),
    ("models",),
    ("report", "web"),
    ("cli", "__main__"),
)
HEIGHT = {unit: height for height, units in enumerate(LAYERS) for unit in units}
# Shipped contract suites: as high as the faces of the library, and imported by nobody.
TESTING = "testing"
HIGHEST_FOR_TESTING = HEIGHT["estimators"]
LARGEST_FILE = 400


def imported_modules(path, module):
    """Return (line, dotted name) for every import of ogive in a file, wherever it stands.

    Those within functions and under TYPE_CHECKING count, relative ones and import_module("...")
    too.
    """
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, *([base] if base else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else ""
            name = function.id if isinstance(function, ast.Name) else name
            names = [node.args[0].value] if name in ("import_module", "__import__") else []
        else:
            continue
        yield from ((node.lineno, n) for n in names if isinstance(n, str) and is_ogive(n))


def is_ogive(name):
    return name.split(".")[0] == "ogive"


def violations(root):
    """Return a sentence for each import in a tree ``root`` of ogive that breaks the rules."""
    found = []
    units = {p.stem if p.is_file() else p.name for p in root.iterdir()}
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root.parent).with_suffix("")
        parts = relative.parts[:-1] if path.name == "__init__.py" else relative.parts
        if len(parts) == 1:
            continue  # ogive/__init__.py names everything, lazily
        unit = parts[1]
        for line, name in imported_modules(path, ".".join(parts)):
            target = [*name.split("."), ""][1]
            where = f"{path.relative_to(root.parent)}:{line} imports {name}"
            if target == "__version__":
                continue  # the one thing that is nowhere else
            if target not in units:
                found.append(f"{where}: import from the place itself, not from the package's top")
            elif problem := forbidden(unit, target):
                found.append(f"{where}: {problem}")
        if unit not in HEIGHT and unit != TESTING:
            found.append(f"{path.relative_to(root.parent)}: {unit} has no layer; add it to LAYERS")
    return found


def forbidden(unit, target):
    """Return why one unit must not import another, or an empty string."""
    if unit == target:
        return ""
    if target == TESTING:
        return "nothing in the library imports testing"
    if target not in HEIGHT:
        return f"{target} has no layer"
    if unit == TESTING:
        return "" if HEIGHT[target] <= HIGHEST_FOR_TESTING else "testing stays below layer 5"
    if unit not in HEIGHT:
        return ""  # told once for the file
    if HEIGHT[target] == HEIGHT[unit]:
        return "siblings of a layer do not import one another"
    return "an arrow that points up" if HEIGHT[target] > HEIGHT[unit] else ""


def test_arrows_point_down():
    assert PACKAGE.is_dir()
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(
    ("place", "line", "complaint"),
    [
        ("kernels/bad.py", "from ogive.operators import KernelOperator", "points up"),
        ("kernels/bad.py", "import ogive.operators.tile", "points up"),
        ("kernels/bad.py", "from ogive import operators", "points up"),
        ("kernels/bad.py", "def f():\n    from ogive.solvers import krein_ridge", "points up"),
        (
            "kernels/bad.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ogive.nn import Layer",
            "points up",
        ),
        ("kernels/bad.py", "from ..operators import KernelOperator", "points up"),
        ("kernels/deep/bad.py", "from ...operators import KernelOperator", "points up"),
        ("kernels/bad.py", "from .. import operators", "points up"),
        ("kernels/__init__.py", "from ..operators import KernelOperator", "points up"),
        (
            "kernels/bad.py",
            "from importlib import import_module\nimport_module('ogive.nn')",
            "points up",
        ),
        ("operators/bad.py", "from ogive.features import SignedRoot", "siblings"),
        ("nn/bad.py", "from ogive.estimators import KernelRidge", "siblings"),
        ("_errors.py", "from ogive._checks import as_rows", "points up"),
        ("_checks.py", "from ogive.data import Dataset", "points up"),
        ("solvers/bad.py", "from ogive.testing import oracles", "nothing in the library"),
        ("cli/bad.py", "import ogive.testing", "nothing in the library"),
        ("testing/bad.py", "from ogive.images import search", "testing stays"),
        ("kernels/bad.py", "from ogive import Sigmoid", "from the place itself"),
        ("novelty/bad.py", "import numpy", "no layer"),
        ("kernels/bad.py", "import ogive.novelty", "no layer"),
    ],
)
def test_the_walk_sees_what_is_forbidden(tmp_path, place, line, complaint):
    tree = made_up(tmp_path)
    assert violations(tree) == []
    path = tree / place
    path.parent.mkdir(exist_ok=True)
    path.write_text(line + "\n")
    (tree / "novelty").mkdir(exist_ok=True)
    found = violations(tree)
    assert len(found) == 1 and complaint in found[0], found


def test_the_walk_lets_pass_what_is_allowed(tmp_path):
    tree = made_up(tmp_path)
    (tree / "cli" / "good.py").write_text("from ogive.report import page\nimport ogive.kernels\n")
    (tree / "cli" / "main.py").write_text("from ogive import __version__, report\n")
    (tree / "data" / "good.py").write_text("from ogive._errors import OgiveError\n")
    (tree / "testing" / "good.py").write_text("from ogive.estimators import KernelRidge\n")
    (tree / "nn" / "good.py").write_text(
        "from . import layer\nfrom .layer import Layer\nimport torch\n"
    )
    (tree / "__init__.py").write_text("from ogive.cli import run\nfrom ogive import testing\n")
    assert violations(tree) == []


def made_up(folder):
    """Return a tree with all units, empty."""
    tree = folder / "ogive"
    for unit in [*HEIGHT, TESTING]:
        if unit.startswith("_"):
            tree.mkdir(exist_ok=True)
            (tree / f"{unit}.py").touch()
        else:
            (tree / unit).mkdir(parents=True, exist_ok=True)
            (tree / unit / "__init__.py").touch()
    return tree


def test_files_stay_small():
    sizes = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in PACKAGE.rglob("*.py")}
    assert {str(p.relative_to(ROOT)): n for p, n in sizes.items() if n > LARGEST_FILE} == {}


def loaded_by(statement):
    """Return the names of the modules that a fresh interpreter holds after a statement."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_git_ignores_no_part_of_the_package():
    """What it ignores, the linter skips and the wheel lacks."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no git checkout")
    files = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "ogive").rglob("*.py"))]
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", *files],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ignored.stdout == ""


def test_importing_the_package_loads_no_array_library():
    loaded = loaded_by("import ogive")
    assert "ogive" in loaded
    assert not {"torch", "numpy", "scipy", "sklearn"} & loaded
    assert "torch" in loaded_by("import ogive; ogive.Sigmoid"), "the measure sees nothing"


def test_importing_the_package_leaves_test_tools_alone():
    loaded = loaded_by("import ogive.testing")
    assert not {"pytest", "hypothesis", "beartype"} & loaded


def test_every_public_name_can_be_had():
    import ogive

    for name in dir(ogive):
        assert getattr(ogive, name) is not None
    with pytest.raises(AttributeError, match="Sigmiod"):
        ogive.Sigmiod


def test_torchvision_is_not_needed():
    assert importlib.util.find_spec("torchvision") is None
