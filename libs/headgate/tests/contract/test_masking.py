"""What is published instead of a personal value."""

import hashlib
import hmac

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.contract import Column, masking_expression

KEY = "a key that is longer than a block of the hash: " + "x" * 40
HASH = Column(name="v", logical_type="string", sql_type="VARCHAR", masking="hash")
MASK = Column(name="v", logical_type="string", sql_type="VARCHAR", masking="mask")


def publish(value: object, column: Column, key: str = "key") -> str | None:
    with duckdb.connect() as connection:
        row = connection.execute(f"select {masking_expression(column, key)} from (select ? as v)", [value]).fetchone()
    assert row is not None
    return row[0]


def expected_hash(value: str, key: str) -> str:
    return hmac.new(key.encode(), value.encode(), hashlib.sha256).hexdigest()


@settings(max_examples=50, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=80), st.sampled_from(["key", KEY, "é'\\"])
)
def test_hash_is_hmac_sha256(value: str, key: str) -> None:
    assert publish(value, HASH, key) == expected_hash(value, key)


def test_null_stays_null() -> None:
    assert publish(None, HASH) is None
    assert publish(None, MASK) is None


def test_another_key_gives_another_hash() -> None:
    assert publish("ann@x.org", HASH, "one") != publish("ann@x.org", HASH, "two")
    assert publish("ann@x.org", MASK, "one") != publish("ann@x.org", MASK, "two")


def test_equal_addresses_stay_equal_and_keep_their_domain() -> None:
    masked = publish("ann.smith@example.com", MASK)
    assert masked == expected_hash("ann.smith@example.com", "key")[:12] + "@example.com"
    assert publish("ann.smith@example.com", MASK) == masked
    assert publish("bob@example.com", MASK) != masked


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("Ada Lovelace", "A*** L***"),
        ("  Ada   Lovelace ", "A*** L***"),
        ("Jo Li", "*** ***"),
        ("Élodie d'Arc", "É*** d***"),
        ("+49 170 1234567", "+*** 1*** 1***"),
        ("ann@", "a***"),
        ("@example.com", "@***"),
        ("ann at example.com", "a*** *** e***"),
        ("a@b@c.org", "a***"),
        ("", "***"),
        ("   ", "***"),
    ],
)
def test_other_text_keeps_initials(value: str, masked: str) -> None:
    assert publish(value, MASK) == masked


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0*"), min_size=3, max_size=40))
def test_a_masked_word_shows_one_letter_at_most(value: str) -> None:
    masked = publish(value, MASK)
    assert masked is not None
    if "@" not in masked:
        assert all(len(word.replace("***", "")) <= 1 for word in masked.split(" "))


def test_other_types_are_masked_as_text() -> None:
    assert publish(42, HASH) == expected_hash("42", "key")


def test_without_masking_the_column_stands_for_itself() -> None:
    column = Column(name="v", logical_type="string", sql_type="VARCHAR")
    assert masking_expression(column, "key") == '"v"'


def test_the_key_does_not_stand_in_the_sql() -> None:
    assert "key of the lake" not in masking_expression(HASH, "key of the lake")
