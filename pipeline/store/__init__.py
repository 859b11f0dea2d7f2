"""What stages make, found by content: objects, their digests, the memo of replies."""
