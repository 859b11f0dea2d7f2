"""What a recipe and a row are. Imports nothing else of Voxsmith."""
