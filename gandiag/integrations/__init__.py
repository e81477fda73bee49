"""The monitor in other people's training loops; a file a framework, imported by itself."""
