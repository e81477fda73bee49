"""What takes longer than a test: agreement, speed, and trained models, with committed results."""
