"""Team analytics: customers, orders and products of ACME's shop, and what they add up to."""
