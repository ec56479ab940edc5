"""What `autotune doctor` looks at."""
