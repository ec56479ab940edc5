"""The checks of `autotune doctor`."""
