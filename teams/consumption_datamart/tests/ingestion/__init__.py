"""Ingestion against real files of ACME's, and its ledger."""
