"""What client and listener say to each other in HTTP; see docs/spec/messages-exchange.md."""

from typing import Final

PATH: Final = "/messages"
ENVELOPE_TYPE: Final = "application/landfall-envelope"
ACKNOWLEDGEMENT_TYPE: Final = "application/jose"
REASON_HEADER: Final = "Landfall-Reason"
"""Words to a refusal, percent-encoded; the signed acknowledgement has its code."""
