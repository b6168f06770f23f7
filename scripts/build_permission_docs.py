"""Write docs/spec/permissions.md from node/web/permissions.py, or check that it is current.

python scripts/build_permission_docs.py            write it
python scripts/build_permission_docs.py --check    exit code 1 if it is not what would be written
"""

import argparse
import sys
from pathlib import Path

from node.web.permissions import CHECKED_BY, PERMISSIONS, Permission, Role

FILE = Path(__file__).parents[1] / "docs" / "spec" / "permissions.md"
HEAD = """\
# Who may do what

Written by `scripts/build_permission_docs.py` from [node/web/permissions.py](../../node/web/permissions.py), the one
table that the API reads. Every route names one permission; a caller without it gets 403 with code `web/60`. A
permission is an OAuth scope of the same name. `exporter` and `importer` are a customer's people and see that customer
alone, the others are the institution's; `devnet` is what the public tokens of a devnet are beside that.
"""
TAIL = """
What is done under a permission that has an entry in the last column waits for another person with the permission named
there: above the amounts of `/v1/alone-limits`, and always where there is no amount (keys, people, programs, limits,
freeze orders).
"""


def document() -> str:
    """Return the page."""
    roles = [*Role]
    lines = [HEAD, "| permission | " + " | ".join(roles) + " | checked under |", "|---" * (len(roles) + 2) + "|"]
    for permission in sorted(Permission):
        marks = ["x" if permission in PERMISSIONS[role] else "" for role in roles]
        checked = CHECKED_BY.get(permission)
        lines.append(f"| `{permission}` | " + " | ".join(marks) + f" | {'' if checked is None else f'`{checked}`'} |")
    lines.append(TAIL)
    return "\n".join(lines)


def main() -> int:
    """Write or check."""
    parser = argparse.ArgumentParser(description="Write docs/spec/permissions.md.")
    parser.add_argument("--check", action="store_true", help="write nothing, say whether it is current")
    if not parser.parse_args().check:
        FILE.write_text(document(), "utf-8")
        return 0
    if FILE.read_text("utf-8") == document():
        return 0
    print(f"{FILE}: not current; run scripts/build_permission_docs.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
