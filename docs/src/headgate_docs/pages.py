"""The pages that people write, and the code that they show: what the tests of the documentation look at."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def read_pages() -> dict[str, str]:
    """The README and every page, by path from the root; neither decisions nor what is generated."""
    paths = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


def read_blocks(text: str, language: str) -> list[str]:
    """The code blocks of a page in a language; an empty one for blocks that name none."""
    return [block for _, kind, block in _FENCE.findall(text) if kind == language]


def read_code(text: str) -> list[str]:
    """Every line of code of a page: of blocks without a language, and code within a sentence."""
    lines = [line for block in read_blocks(text, "") for line in block.splitlines()]
    return lines + [span.replace("\\|", "|") for span in _SPAN.findall(_FENCE.sub("", text))]
