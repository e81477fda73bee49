"""Sources in, a report out: open, plan, gather, score."""
