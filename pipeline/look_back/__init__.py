"""What changed between two runs of a recipe: counted, printed, and as a page that plays both."""
