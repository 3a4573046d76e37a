"""The examples in docstrings are true."""

import ast
import doctest
import importlib
from pathlib import Path

import pytest

import pixelrnn

PACKAGE = Path(pixelrnn.__file__).parent
EXAMPLES = [file for file in sorted(PACKAGE.rglob("*.py")) if ">>> " in file.read_text()]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_examples(file):
    """They are read from the source, so that no decorator hides one.

    Fault: an example of what a function once did.
    """
    name = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
    names = vars(importlib.import_module(name.removesuffix(".__init__")))
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node) or ""
            where = getattr(node, "name", name)
            runner.run(parser.get_doctest(text, dict(names), where, str(file), 0))
    assert runner.tries
    assert not runner.failures


def test_there_are_examples():
    """Fault: a pattern that finds none."""
    assert PACKAGE / "figures.py" in EXAMPLES
