"""Pages about more than one slice, and the console as a whole."""
