"""What is trained: adapters between a speech encoder and an LLM, and the decoder that turns an LLM's states into units."""
