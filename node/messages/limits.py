"""Limits of the exchange, each with its reason."""

from typing import Final

# A trade's terms with its documents' metadata is some 20 KB; documents themselves travel by hash.
BODY_BYTES_MAX: Final = 256 * 1024
# EPCIS events, the deepest documents taken, nest about 8 levels.
BODY_DEPTH_MAX: Final = 32
REASON_CHARS_MAX: Final = 500
# The longest of our own name a request, a provider and a hash.
MESSAGE_ID_CHARS_MAX: Final = 300

# A peer may be away over a long weekend; after that a person decides (as old as an envelope may get).
GIVE_UP_S: Final = 7 * 86_400
BACKOFF_FIRST_S: Final = 0.1
# A peer that is back after an hour gets everything within this time.
BACKOFF_MAX_S: Final = 60.0

# Waiting messages to one peer: some hours of a busy bank; more become dead letters at once.
OUTBOX_WAITING_MAX: Final = 20_000
# Stored and not yet handled: senders are asked to wait rather than this database to grow.
INBOX_WAITING_MAX: Final = 10_000

# Deliveries under way at once: of one peer, so that a slow one leaves room for others, and of all.
PEER_FLIGHTS_MAX: Final = 32
FLIGHTS_MAX: Final = 96
# Messages that one look at the outbox takes, and that one transaction handles.
LOOK_MAX: Final = 256
HANDLED_TOGETHER_MAX: Final = 32
# Arrivals that one transaction stores.
STORED_TOGETHER_MAX: Final = 32
# How long the first of them waits for others: as long as the last commit took, at most this.
GATHER_S_MAX: Final = 0.02

CONNECT_TIMEOUT_S: Final = 5.0
# Of a whole request; storing takes milliseconds, a queue before it a second or two.
REQUEST_TIMEOUT_S: Final = 20.0
# For each of handshake, request line with headers, and body.
CLIENT_TIMEOUT_S: Final = 10.0
KEEPALIVE_S: Final = 30.0
# Ours keep open at most PEER_FLIGHTS_MAX each.
CONNECTIONS_MAX: Final = 512
HEADER_BYTES_MAX: Final = 4096
