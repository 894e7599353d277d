"""Team consumption_datamart: what customers use of what they are entitled to."""
