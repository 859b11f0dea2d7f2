"""What written text is in words, and how far two texts are apart."""
