"""One folder per medium, both directions, all knowledge of that medium and nothing else."""
