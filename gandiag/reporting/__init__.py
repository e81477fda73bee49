"""Scores as people are shown them: a terminal, a page, a picture. Nothing here computes one."""
