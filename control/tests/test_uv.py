"""What is told of uv's own words."""

import pytest

from headgate_control.uv import _reason

RESOLVER = """\
error: No solution found when resolving dependencies
  cause: Because only tools==1.0.0 is available and tools==1.0.0 depends on numpy>=2, we can conclude that all versions
         of tools depend on numpy>=2.
         And because ml depends on tools and numpy<2, we can conclude that your requirements are unsatisfiable.

hint: While the active Python version is 3.11, the resolution failed for other Python versions.
"""


def test_the_whole_explanation_is_told_on_one_line() -> None:
    reason = _reason(RESOLVER)
    assert reason.startswith("No solution found when resolving dependencies: Because only tools==1.0.0 is available")
    assert reason.endswith(
        "And because ml depends on tools and numpy<2, we can conclude that your requirements are unsatisfiable."
    )
    assert "\n" not in reason and "hint" not in reason


def test_a_long_explanation_keeps_its_conclusion() -> None:
    reason = _reason(
        RESOLVER.replace("         And because", "         And because of this.\n" * 60 + "         And because")
    )
    assert len(reason) <= 600 and " … " in reason
    assert reason.endswith("your requirements are unsatisfiable.")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("error: outer\n  Caused by: middle\n  Caused by: inner\n", "outer: inner"),
        ("  × No solution\n  ╰─▶ Because a needs b\n      and c does not.\n", "Because a needs b and c does not."),
        ("something went wrong\n\n", "something went wrong"),
        ("", ""),
    ],
)
def test_other_forms(text: str, reason: str) -> None:
    assert _reason(text) == reason
