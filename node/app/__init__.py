"""Assembly of a node: settings, wiring, processes and the command line. The one place that builds things."""
