"""When team ml's assets run by themselves."""

import dagster as dg

FOLLOW_UPSTREAM = (
    dg.AutomationCondition.eager() & dg.AutomationCondition.all_deps_blocking_checks_passed()
).with_label("follow_upstream_once_checks_pass")
"""After any input was updated, once all are there, none is being updated and their blocking checks have passed."""
