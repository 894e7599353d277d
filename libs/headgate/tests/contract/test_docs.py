"""docs/contracts.md is complete, and its example is a contract."""

import re
from pathlib import Path
from typing import get_args

import pytest
from datacontract.lint.resolve import resolve_data_contract
from pydantic import BaseModel

from headgate.contract import document as odcs
from headgate.contract import load_contract
from headgate.contract.model import RuleKind

PAGE = Path(__file__).parents[4] / "docs" / "contracts.md"
FOR_PEOPLE = (
    odcs.AuthoritativeDefinition,
    odcs.CustomProperty,
    odcs.EnumValue,
    odcs.Price,
    odcs.Role,
    odcs.ServiceLevelProperty,
    odcs.SupportChannel,
    odcs.TeamMember,
)
"""Their inner keys have no effect, or the example shows them; the standard explains them."""


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_example_is_a_contract(page: str, tmp_path: Path) -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    path = tmp_path / "orders.odcs.yaml"
    path.write_text(example, encoding="utf-8")
    contract = load_contract(path)
    assert (contract.qualified_table, contract.publish_mode) == ("shop.orders", "partition")
    assert {rule.kind for rule in contract.rules} == set(get_args(RuleKind))
    assert resolve_data_contract(str(path)).id == "shop.orders"


def test_every_key_is_explained(page: str) -> None:
    models = [kind for kind in vars(odcs).values() if isinstance(kind, type) and issubclass(kind, BaseModel)]
    keys = {
        field.alias or name for kind in models if kind not in FOR_PEOPLE for name, field in kind.model_fields.items()
    }
    assert {key for key in keys if f"`{key}`" not in page and f"{key}:" not in page} == set()


def test_every_kind_of_rule_is_explained(page: str) -> None:
    assert {kind for kind in get_args(RuleKind) if f"| `{kind}` |" not in page} == set()
