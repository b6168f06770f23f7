"""Limits of who comes in, each with its reason."""

from typing import Final

# RFC 5321, 4.5.3.1.3.
EMAIL_CHARS_MAX: Final = 254
NAME_CHARS_MAX: Final = 140
# NIST SP 800-63B asks for 15 where a password stands alone; here a second factor stands beside it.
PASSWORD_CHARS_MIN: Final = 12
# Far beyond a sentence; hashing takes the same time for all of them.
PASSWORD_CHARS_MAX: Final = 256
PASSWORD_DISTINCT_MIN: Final = 5
# Argon2id as OWASP advises for servers: 19 MiB, two passes; some 40 ms.
ARGON2_MEMORY_KIB: Final = 19_456
ARGON2_PASSES: Final = 2
# At once, of 19 MiB each.
HASHES_AT_ONCE: Final = 4
TOTP_STEP_S: Final = 30
# A phone's clock may be this many steps early or late.
TOTP_DRIFT_STEPS: Final = 1
INVITATION_S: Final = 72 * 3600
CHALLENGE_S: Final = 300
# Challenges that wait at once, of all people: each costs some hundred bytes.
CHALLENGES_MAX: Final = 10_000
# OWASP ASVS 3.3: 30 minutes idle, 12 hours at most.
SESSION_IDLE_S: Final = 1_800
SESSION_S: Final = 12 * 3600
# A session's last use is written at most this often.
SESSION_TOUCH_S: Final = 60
# What changes how somebody signs in needs a sign-in as fresh as this.
RECENT_S: Final = 900
SESSIONS_MAX: Final = 20
PASSKEYS_MAX: Final = 10
# Wrong tries in a row, then a wait that doubles from a minute to an hour.
TRIES_BEFORE_LOCK: Final = 5
LOCK_S: Final = 60
LOCK_S_MAX: Final = 3_600
# Sign-ins from one address, right or wrong: an office behind one address, not a list of passwords.
ADDRESS_TRIES_MAX: Final = 60
ADDRESS_WINDOW_S: Final = 600
# After this long an account's or address's tries are forgotten.
TRIES_KEPT_S: Final = 86_400
ROLES_MAX: Final = 8
