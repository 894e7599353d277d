"""dbt's side of Snowflake. `profiles.yml` beside `src` is what a real account is reached by; `imitation` is for tests."""
