"""Limits on what a trade takes in, each with its reason."""

from typing import Final

REFERENCE_CHARS_MAX: Final = 64
"""Terms allow fewer; more is not looked for."""

TERMS_BYTES_MAX: Final = 64 * 1024
"""A contract of five milestones and eight payees is 3 kB; a hundred lines of free text still fit."""

INVOICE_BYTES_MAX: Final = 160 * 1024
"""Travels base64 in one message of 256 KiB beside the terms; room for 150 lines."""

INVOICE_DEPTH_MAX: Final = 24
"""The deepest path of the UBL 2.1 invoice schema that is in use has 12 levels."""

INVOICE_ELEMENTS_MAX: Final = 12_000
"""Two hundred lines of about fifty elements each, and the header."""

INVOICE_LINES_MAX: Final = 200

JSON_BYTES_MAX: Final = 160 * 1024
"""A carrier's EPCIS document with a hundred pallets is 60 kB; it travels base64 in one message of 256 KiB."""

JSON_DEPTH_MAX: Final = 24
"""EPCIS query documents nest eight levels; sensor data and extensions add a few."""

EPCIS_EVENTS_MAX: Final = 200

MILESTONES_MAX: Final = 8
"""TradeEscrow's own limit."""

PAYEES_MAX: Final = 8
"""TradeEscrow's own limit."""

ATTESTERS_MAX: Final = 8
"""TradeEscrow's own limit per milestone."""

SHIPMENT_REFERENCES_MAX: Final = 50
TEXT_LENGTH_MAX: Final = 2_000
"""Free text of terms and statements, in characters."""
