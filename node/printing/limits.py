"""Limits of what is printed, each with its reason."""

from typing import Final

# ROWS_MAX rows with texts of the greatest length are a quarter of this.
HTML_BYTES_MAX: Final = 4 * 1024 * 1024
PAPER_BYTES_MAX: Final = 16 * 1024 * 1024
# Rows of one paper: a statement of as many has seventy pages, which take ten seconds.
ROWS_MAX: Final = 1_000
PRINT_TIMEOUT_S: Final = 60.0
# Papers in hand and in line: more wait longer than a caller does.
PAPERS_MAX: Final = 16
WORKER_MEMORY_BYTES: Final = 1024 * 1024 * 1024
# A worker that has nothing to do holds some 100 MiB.
WORKER_IDLE_S: Final = 600
# A traceback.
TOLD_BYTES_MAX: Final = 64 * 1024
# Points of one chart: more than a screen has room for.
POINTS_MAX: Final = 500
# Of a QR code with the error correction that we take (M), in bytes: version 40 holds 2,331.
QR_BYTES_MAX: Final = 1_024
