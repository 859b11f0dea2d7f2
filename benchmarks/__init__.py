"""What the pipeline costs, measured. Each file is a command of its own; tests take made-up corpora from `corpora`."""
