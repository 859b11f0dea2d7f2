"""What stages make, by content: objects, their digests, replies that are kept."""
