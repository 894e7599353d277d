"""ACME's software subscriptions: what the invoice system and the products' telemetry drop into a data lake every day.

What belongs here: customers, subscriptions, deployments, and the files with their faults. What does not: anything that
reads the files for a purpose, and the shop's databases (the rest of `acme`).
"""
