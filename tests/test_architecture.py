"""The shape of the package: abstract or final, parts before wholes, short files."""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pixelrnn
from pixelrnn.heads import Head
from pixelrnn.layers import RasterLayer

SOURCES = sorted(Path(pixelrnn.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("base", [RasterLayer, Head])
def test_abstract_or_final(base):
    """Two abstract classes, and nothing derives from what derives from them."""
    assert inspect.isabstract(base)
    for layer in base.__subclasses__():
        assert not inspect.isabstract(layer)
        # tests derive what is to be refused
        assert not [one for one in layer.__subclasses__() if one.__module__.startswith("pixelrnn")]


def test_every_module_imports_and_says_what_it_is():
    for module in pkgutil.walk_packages(pixelrnn.__path__, "pixelrnn."):
        assert importlib.import_module(module.name).__doc__, module.name


def test_files_fit_a_reader():
    long = {
        path.name: count for path in SOURCES if (count := len(path.read_text().splitlines())) > 300
    }
    assert not long


def test_public_names_are_there_and_listed():
    """Faults: a name in the list that is nowhere; completion and go-to-definition that see nothing."""
    for name in pixelrnn.__all__:
        assert getattr(pixelrnn, name) is not None
    assert set(pixelrnn.__all__) <= set(dir(pixelrnn))
    imported = re.search(r"if TYPE_CHECKING:\n(.*?)\n\n", Path(pixelrnn.__file__).read_text(), re.S)
    for name in pixelrnn.__all__:
        assert re.search(rf"\b{name}\b", imported[1]), f"type checkers don't see {name}"


def test_no_name_shadows_its_module():
    """Fault: `from package.name import name` in the package, after which package.name is no module."""
    for module in pkgutil.walk_packages(pixelrnn.__path__, "pixelrnn."):
        importlib.import_module(module.name)
    for module in pkgutil.walk_packages(pixelrnn.__path__, "pixelrnn."):
        home, _, name = module.name.rpartition(".")
        assert inspect.ismodule(getattr(importlib.import_module(home), name)), module.name


# Names that other packages keep to themselves, where there is no other way: the file says why,
# beside them.
PRIVATE = {"dashboard.py": {"_to_model"}}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_private_names_of_others(path):
    """They go without notice. Fault: `trainer.fit_loop._data_fetcher`."""
    tree = ast.parse(path.read_text())
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {node.attr for node in ast.walk(tree) if _is_of_self(node)}
    own |= {node.target.id for node in ast.walk(tree) if _is_field(node)}
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            ours = (node.module or "").startswith("pixelrnn")
            used |= {part for part in (node.module or "").split(".") if not ours}
            used |= {alias.name for alias in node.names}
    private = {name for name in used if name.startswith("_") and not name.endswith("_")}
    assert private - own <= PRIVATE.get(path.name, set())


def _is_of_self(node):
    return isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in ("self", "cls")


def _is_field(node):
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)


def test_what_needs_no_torch_starts_without_it():
    """Start-up is mostly imports: the command line, prepare and compare leave torch and Lightning alone."""
    modules = "pixelrnn.command.launch, pixelrnn.stages.compose, pixelrnn.data, pixelrnn.runs.frame, pixelrnn.results.baselines"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
