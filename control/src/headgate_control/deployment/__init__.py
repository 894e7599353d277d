"""What a server needs to run the platform in containers, made from the teams that exist.

What belongs here: the compose file, its variables, and Dagster+'s list of locations, as plain data. What does not: the
images (`deploy/Dockerfile`), what runs in them (`container`).
"""
