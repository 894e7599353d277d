"""Where the documentation is, and the code that its pages show."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def read_blocks(text: str, language: str) -> list[str]:
    """The code blocks of a page in a language."""
    return [block for _, kind, block in _FENCE.findall(text) if kind == language]


def read_code(text: str) -> list[str]:
    """Every line of code of a page: code blocks without a language, and code within a sentence."""
    lines = [line for block in read_blocks(text, "") for line in block.splitlines()]
    return lines + [span.replace("\\|", "|") for span in _SPAN.findall(_FENCE.sub("", text))]
