"""ACME Corp, the stand-in company: source systems with real protocols over one seeded world."""
