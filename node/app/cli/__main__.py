"""`python -m node.app.cli`, the same as `landfall`."""

from node.app.cli import main

main()
