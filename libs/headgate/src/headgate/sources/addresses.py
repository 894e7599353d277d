"""URLs of PostgreSQL sources in what people read: where it is, and never the login."""

import contextlib

from pydantic import SecretStr


def place_of(url: SecretStr) -> str:
    """Host and database of a URL, without its credentials."""
    import psycopg  # late: code loads without it

    try:
        parts = psycopg.conninfo.conninfo_to_dict(url.get_secret_value())
    except psycopg.Error:
        return "a URL that PostgreSQL does not understand"
    return f"database {parts.get('dbname', '?')} on {parts.get('host', 'localhost')}:{parts.get('port', 5432)}"


def redact(text: str, url: SecretStr) -> str:
    """The text without the URL and its password."""
    import psycopg

    whole = url.get_secret_value()
    secrets = {whole, whole.rpartition("@")[0].rpartition(":")[2]}
    with contextlib.suppress(psycopg.Error):
        secrets.add(str(psycopg.conninfo.conninfo_to_dict(whole).get("password") or ""))
    for secret in sorted(secrets - {""}, key=len, reverse=True):
        text = text.replace(secret, "********")
    return text
