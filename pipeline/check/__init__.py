"""A recipe's checks over rows of one's own, and limits proposed from clips of one's own."""
