"""What a written text wants said: its figures, signs, units and acronyms, apart from all that puts texts into words."""
