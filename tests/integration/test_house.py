"""The structure of the package: folders, the direction of imports, file sizes."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sirna"
LAYERS = [
    "errors",
    "system",
    "protocols",
    "notation",
    "config",
    "simulate",
    "table",
    "prediction",
    "features",
    "members",
    "bundle",
    "explain",
    "runs",
    "report",
    "tuning",
    "stages",
    "api",
    "commands",
    "cli",
]
"""The folders (and root modules) from the lowest up; each imports only from those before it."""
FAMILY_FOLDERS = sorted(
    folder.name for folder in (PACKAGE / "members").iterdir() if (folder / "__init__.py").exists()
)
FILES = sorted(PACKAGE.rglob("*.py"))
FOR_ALL_FAMILIES = [
    "bundle/build.py",
    "bundle/bundle.py",
    "bundle/store.py",
    "members/fold_members.py",
    "runs/checkpoint.py",
    "runs/run.py",
    "stages/fold_training.py",
    "stages/member_training.py",
    "stages/predictor.py",
    "stages/submit.py",
    "stages/train.py",
    "stages/train_worker.py",
    "stages/train_workers.py",
    "stages/training_jobs.py",
]
"""Modules that loop over the registry and name no family."""


@cache
def _imports(path):
    """Return the modules of the package that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sirna"):
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("sirna")}
    return {name for name in found if _file(name)}


def _file(module):
    place = ROOT.joinpath(*module.split("."))
    return next(
        (path for path in (place.with_suffix(".py"), place / "__init__.py") if path.exists()), None
    )


def _layer(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def _name(path):
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_file_is_short(path):
    assert len(path.read_text().splitlines()) <= 330


def test_the_root_has_at_most_five_files():
    assert len(list(PACKAGE.glob("*.*"))) <= 5


def test_every_folder_is_a_known_layer():
    layers = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    layers |= {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert layers == set(LAYERS)


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_layer_imports_only_from_lower_layers(path):
    layer_of_file = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if layer_of_file == "__init__":
        return
    for module in _imports(path):
        layer = _layer(module)
        lower = layer in {"__init__", layer_of_file} or LAYERS.index(layer) < LAYERS.index(
            layer_of_file
        )
        assert lower, f"{_name(path)} imports {module}"


@pytest.mark.parametrize("family", FAMILY_FOLDERS)
def test_a_family_imports_no_other_family(family):
    others = [f"sirna.members.{other}" for other in FAMILY_FOLDERS if other != family]
    for path in (PACKAGE / "members" / family).glob("*.py"):
        for module in _imports(path):
            assert not any(module.startswith(other) for other in others), _name(path)


@pytest.mark.parametrize("name", FOR_ALL_FAMILIES)
def test_modules_for_all_families_name_no_family(name):
    path = PACKAGE / name
    strings = {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    for family in FAMILY_FOLDERS:
        assert family not in strings
        assert not any(m.startswith(f"sirna.members.{family}") for m in _imports(path))


def test_inference_imports_no_training_loop():
    seen, waiting = set(), {"sirna.bundle.store"}
    while waiting:
        module = waiting.pop()
        seen.add(module)
        tree = ast.parse(_file(module).read_text())
        top = {n.module for n in tree.body if isinstance(n, ast.ImportFrom) and n.module}
        waiting |= {name for name in top if _file(name)} - seen
    assert not seen & {f"sirna.members.{family}.fit" for family in FAMILY_FOLDERS}
    assert "sirna.members.network.member" in seen


@pytest.mark.parametrize("folder", [f for f in LAYERS if (PACKAGE / f).is_dir()])
def test_every_layer_has_unit_tests(folder):
    assert any((ROOT / "tests" / "unit" / folder).rglob("test_*.py"))


def test_no_test_patches_a_private_name():
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "setattr":
                names = [a.value for a in node.args if isinstance(a, ast.Constant)]
                private = [n for n in map(str, names) if n.split(".")[-1].startswith("_")]
                assert not private, f"{path.name} patches {private}"
