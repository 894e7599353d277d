"""Group `raw`: the storefront's tables, replicated by Sling as the files in `replications/` say.

What belongs here: when they are loaded, and by which months. What does not: which tables and how (`replications/`), and what is
made of them (`dbt/`).
"""

from zoneinfo import ZoneInfo

import dagster as dg

from headgate import automation, sling_assets

STOREFRONT = ZoneInfo("America/Los_Angeles")
HIT_MONTHS = dg.MonthlyPartitionsDefinition("2024-01-01", timezone=STOREFRONT.key, end_offset=1)
"""Months on the storefront's wall, in which its hits are stamped."""

EVERY_DAY = automation("on_schedule", cron="0 5 * * *")
"""UTC: nine or ten in the evening of the storefront's day before."""

tables = [
    table
    for source in ("accounts_db", "transaction_db", "inventory_db", "entity_resolution")
    for table in sling_assets(f"replications/{source}.yaml", group_name="raw", automation=EVERY_DAY)
]
hits = sling_assets(
    "replications/adobe_experience.yaml", group_name="raw", partitions_def=HIT_MONTHS, automation="manual"
)
