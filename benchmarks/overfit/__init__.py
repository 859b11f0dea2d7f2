"""What a speech language model's training must be able to do, and what goes wrong: eight rows learned by heart."""
