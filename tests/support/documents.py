"""What a reader copies out of the README and the pages beside it: their fenced blocks."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
# The README first: what it makes, the others use.
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "RESULTS.md",
    *sorted((ROOT / "docs").glob("*.md")),
]

_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block, and the number of lines above its text."""

    above: int
    text: str


def blocks(document: Path, language: str) -> list[Block]:
    """Return the blocks of one language in a document, in order."""
    text = document.read_text(encoding="utf-8")
    return [
        Block(text[: match.start(2)].count("\n"), match[2])
        for match in _FENCED.finditer(text)
        if match[1] == language
    ]


def commands(document: Path) -> list[str]:
    """Return the lines of a document's `sh` blocks: one command each, unless a line ends with a backslash."""
    lines = [
        line.strip()
        for block in blocks(document, "sh")
        for line in block.text.replace("\\\n", " ").splitlines()
    ]
    return [line for line in lines if line and not line.startswith("#")]
