"""Limits of pages, each with its reason."""

from typing import Final

# The draft of a trade has some 150 fields with all its milestones and payees.
FORM_FIELDS_MAX: Final = 400
FORM_FILES_MAX: Final = 4
# Of 500 rows: what one page or one file of a list is made of; more is for programs.
PAGES_MAX: Final = 40
# What the API takes of a document that travels in one message.
UPLOAD_BYTES_MAX: Final = 160 * 1024
FILE_NAME_CHARS_MAX: Final = 140
# Of a path to go back to.
PATH_CHARS_MAX: Final = 300
