"""Which of the well-known tricks help: each added to one baseline, over ten seeds."""
