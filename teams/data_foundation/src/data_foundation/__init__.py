"""Team data_foundation: accounts, orders, products and clicks of ACME's storefront, and the campaigns orders are due to."""
