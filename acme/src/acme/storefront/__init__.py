"""ACME's storefront: accounts, order lines, products, party keys and hits, each system in its own PostgreSQL database.

What belongs here: the world, its databases, its faults and its ledger. What does not: anything that reads the
databases for a purpose, and the orders world of CRM, shop and inventory (the rest of `acme`).
"""
