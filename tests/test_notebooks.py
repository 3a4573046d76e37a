"""The notebooks as committed: shown results, small, the same from any machine.

`.ci/run` executes them.
"""

import ast
import json
import re
from pathlib import Path

import pytest

import pixelrnn

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
ABSOLUTE = re.compile(r"""(?<![\w.:/<])/[\w.-]+/[\w.-]+|[A-Z]:\\\\""")


def test_they_are_there():
    assert [path.stem[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06"]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return request.param


def cells(notebook, kind):
    return [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == kind]


def outputs(notebook):
    return [output for cell in cells(notebook, "code") for output in cell["outputs"]]


def source(notebook):
    return ast.parse("\n".join("".join(cell["source"]) for cell in cells(notebook, "code")))


def test_every_figure_is_shown_and_nothing_went_wrong(notebook):
    """Fault to plant: save it without its outputs, or with a warning in them."""
    drawing = [cell for cell in cells(notebook, "code") if "plt.show()" in "".join(cell["source"])]
    assert drawing
    for cell in drawing:
        assert any("image/png" in output.get("data", {}) for output in cell["outputs"]), "".join(
            cell["source"]
        )
    for output in outputs(notebook):
        assert (
            output["output_type"] in {"display_data", "execute_result"}
            or output.get("name") == "stdout"
        ), output


def test_a_new_execution_changes_results_only(notebook):
    """No counts, times, versions or paths of a machine. Fault to plant: leave out nbstripout."""
    assert notebook.stat().st_size < 400_000
    content = json.loads(notebook.read_text())
    assert set(content["metadata"]) == {"kernelspec", "language_info"}
    assert "version" not in content["metadata"]["language_info"]
    for cell in content["cells"]:
        assert cell["metadata"] == {}
        assert cell.get("execution_count") is None
    for output in outputs(notebook):
        for kind, text in output.get("data", {"text": output.get("text")}).items():
            assert kind == "image/png" or not ABSOLUTE.search("".join(text)), text


def test_it_uses_the_package_and_defines_nothing(notebook):
    """Fault to plant: a function, or a name that the package doesn't export."""
    for node in ast.walk(source(notebook)):
        assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda), ast.unparse(node)
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "pixelrnn"
        ):
            assert node.attr in pixelrnn.__all__
