"""What the gate does to personal values before anybody else can read them.

`hash` replaces a value by its HMAC-SHA-256 in hexadecimal: equal values stay equal, so tables can be joined by it, and
nobody without the key can test a guess. `mask` keeps the shape a person expects: an e-mail address keeps its domain and
gets twelve digits of that hash for its local part; of any other text each word of three letters and more keeps its
first letter. Null stays null.
"""

import hashlib
from dataclasses import replace

from headgate.contract.literals import quote_name
from headgate.contract.model import Column, Contract

_BLIND_KINDS = ("type", "not_null", "unique", "foreign_key", "row_count")
"""Rules that a masked value keeps or breaks as the clear one did."""
_BLOCK_BYTES = 64
_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"


def masking_expression(column: Column, key: str) -> str:
    """SQL for the published value of a column, given its value in clear. Without masking it is the column itself.

    Args:
        column: the contract's column.
        key: the environment's masking key. It stands, in another form, within the SQL: do not log the expression.
    """
    name = quote_name(column.name)
    if column.masking == "none":
        return name
    text = f"cast({name} as varchar)"
    if column.masking == "hash":
        return _hash(text, key)
    local_part = f"left({_hash(text, key)}, 12)"
    words = f"regexp_split_to_array(trim({text}), '\\s+')"
    masked_words = (
        f"list_transform({words}, lambda word: case when length(word) >= 3 then word[1] || '***' else '***' end)"
    )
    return (
        f"case when regexp_matches({text}, '{_EMAIL}') then {local_part} || '@' || split_part({text}, '@', 2) "
        f"when {name} is not null then array_to_string({masked_words}, ' ') end"
    )


def _hash(text: str, key: str) -> str:
    """HMAC-SHA-256 (RFC 2104) in hexadecimal, from DuckDB's sha256."""
    secret = key.encode("utf-8")
    if len(secret) > _BLOCK_BYTES:
        secret = hashlib.sha256(secret).digest()
    secret = secret.ljust(_BLOCK_BYTES, b"\0")
    inner = _write_blob(bytes(byte ^ 0x36 for byte in secret))
    outer = _write_blob(bytes(byte ^ 0x5C for byte in secret))
    return f"sha256({outer} || unhex(sha256({inner} || encode({text}))))"


def _write_blob(content: bytes) -> str:
    return "'" + "".join(f"\\x{byte:02X}" for byte in content) + "'::blob"


def without_masking(contract: Contract) -> Contract:
    """The contract for rows that are masked already: nothing is masked again, and no rule asks for a value in clear.

    What such a rule wants was judged when the row was first published, and its code stays.
    """
    masked = {column.name for column in contract.columns if column.masking != "none"}
    columns = tuple(replace(column, masking="none") for column in contract.columns)
    rules = tuple(rule for rule in contract.rules if rule.kind in _BLIND_KINDS or not masked & set(rule.columns))
    return replace(contract, columns=columns, rules=rules)
