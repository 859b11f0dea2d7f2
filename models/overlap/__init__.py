"""Which requests are the same: as each other, or as items of evaluation sets."""
