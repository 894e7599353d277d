"""Reading the Strava-like API into the private zone."""
