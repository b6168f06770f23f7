"""Stands for the press's worker on a machine without Pango."""

import sys

from node.printing.worker import NO_LIBRARY

sys.exit(NO_LIBRARY)
