"""Making a team and removing one: everything a team is, in one step and undone in one."""
