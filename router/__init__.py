"""Which office answers for a complaint, and why."""
