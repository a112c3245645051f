"""What the engines, checks and remediations need of the outside, as Protocols and nothing else."""
