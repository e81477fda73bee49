"""The monitor on training loops in the styles that people write, healthy and broken."""
