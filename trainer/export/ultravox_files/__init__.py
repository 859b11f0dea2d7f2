"""What an exported folder brings along, so that it loads without Voxsmith. Nothing here imports any of the rest."""
