"""What changed between two runs of a recipe: counted, told in the terminal, and to be heard on a page."""
