"""Learnt models: how a version is judged beside what would be guessed without it, stored, and given its alias.

What belongs here: the rule of promotion and the registry, which every team with a model shares. What does not: what a
model is and how its metric is computed (the team's own modules), or Dagster (`orchestration.models`).

Needs the extra `models`: MLflow, skops and scikit-learn, imported when they are used.
"""
