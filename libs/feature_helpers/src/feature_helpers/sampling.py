"""A sample that is the same in every run."""

import ibis

_PRIME, _MULTIPLIER, _SPREAD = 1_000_003, 2_654_435_761, 4_294_967_296


def sample_by_key(table: ibis.Table, key: str, share: float) -> ibis.Table:
    """All rows of about `share` of the keys, always the same keys (a multiplicative hash): whole customers, not rows.

    Args:
        table: any rows.
        key: a column of whole numbers.
        share: 0 to 1; from 1 on the table is returned as it is.
    """
    if share >= 1:
        return table
    return table.filter(((table[key] % _PRIME) * _MULTIPLIER) % _SPREAD < int(share * _SPREAD))
