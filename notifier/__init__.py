"""What is owed, and getting it there: plan, claim, deliver, record, sweep."""
