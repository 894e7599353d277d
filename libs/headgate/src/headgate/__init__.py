"""Headgate: the library every team imports."""
