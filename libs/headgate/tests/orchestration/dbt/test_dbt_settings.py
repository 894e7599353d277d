"""What a node says of its partitions, read without a project."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headgate.orchestration.dbt.errors import DbtError
from headgate.orchestration.dbt.manifest import Node
from headgate.orchestration.dbt.settings import read_partitions


def node(**partitions: Any) -> Node:
    meta = {"headgate": {"partitions": {"every": "month", "start": "2026-01-01", **partitions}}}
    return Node({"resource_type": "model", "name": "hits", "original_file_path": "models/hits.sql", "meta": meta})


@pytest.mark.parametrize(("said", "last"), [({}, "2026-04-01"), ({"end_offset": 1}, "2026-05-01")])
def test_the_month_that_goes_on_is_a_partition_when_the_model_says_so(said: dict[str, int], last: str) -> None:
    read = read_partitions(node(**said))
    assert read is not None
    assert read.definition().get_partition_keys(datetime(2026, 5, 15, tzinfo=UTC) + timedelta(hours=1))[-1] == last


def test_an_offset_that_is_no_number_is_refused() -> None:
    with pytest.raises(DbtError, match="end_offset of partitions is 'one'"):
        read_partitions(node(end_offset="one"))
