"""The replication of `docs/sling.md`, loaded and run as it stands."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[5] / "docs" / "sling.md").read_text(encoding="utf-8")


def test_the_page_s_example_lands(team, source, rows_of) -> None:
    [replication] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    code = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
    source.run(
        "create table accounts (account_id bigint, balance numeric, updated_at timestamp)",
        "create table order_lines (order_id bigint, product_id bigint, date_time timestamp)",
        "create table products (product_id bigint, internal_notes text)",
        "insert into accounts values (1, 12.5, '2026-01-01')",
        "insert into order_lines values (1, 2, '2026-01-01'), (1, 3, '2026-01-01')",
        "insert into products values (2, 'ours')",
    )
    team.load(replication)
    told = team.run("accounts", "transactions", "products")
    assert {name: metadata["dagster/row_count"] for name, metadata in told.items()} == {
        "accounts": 1,
        "transactions": 2,
        "products": 1,
    }
    assert rows_of("select balance::varchar from accounts") == [("12.50",)]
    assert 'sling_assets("replications/shop.yaml"' in code
