"""Limits of programs that come in, each with its reason."""

from typing import Final

# Long enough for a batch, short enough that a client that is disabled is out soon; disabling ends tokens as well.
TOKEN_S: Final = 600
# RFC 9449, section 11.1: proofs are made for one request, seconds before it is sent.
PROOF_AGE_S_MAX: Final = 60
PROOF_AHEAD_S_MAX: Final = 5
# A P-256 proof has some 600 bytes, an RSA-4096 one 2 kB.
PROOF_CHARS_MAX: Final = 4_096
JTI_CHARS_MAX: Final = 128
# Of one process: a minute of 1,500 requests a second.
PROOFS_KEPT_MAX: Final = 90_000
# RFC 7523 assertions live for minutes.
ASSERTION_S_MAX: Final = 300
FORM_BYTES_MAX: Final = 16_384
FORM_FIELDS_MAX: Final = 20
KEYS_MAX: Final = 5
KEY_CHARS_MAX: Final = 2_000
CLIENTS_MAX: Final = 1_000
SCOPES_MAX: Final = 60
# Tokens of one client that hold at once: one for each of its processes.
TOKENS_MAX: Final = 200
