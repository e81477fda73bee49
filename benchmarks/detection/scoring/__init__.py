"""How often what is said of the runs is right: by gandiag's rules, and by those of other tools."""
