"""Which runs there are: a recipe, what is changed in it, and what is broken."""
