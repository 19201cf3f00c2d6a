"""See `tenfold.python`."""
