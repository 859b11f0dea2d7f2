"""Hugging Face datasets: their rows, read by a process of its own."""
