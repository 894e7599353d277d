"""Team fitness: from athletes' Strava accounts to totals, a learnt energy of rides and a dashboard."""
