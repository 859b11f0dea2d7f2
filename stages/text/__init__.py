"""What is said: requests and answers as texts, whether they can be spoken, whether they are faithful."""
