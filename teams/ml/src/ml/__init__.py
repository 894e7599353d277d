"""Team ml: churn, demand and recommendations, learnt from what team analytics publishes."""
