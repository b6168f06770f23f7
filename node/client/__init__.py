"""The Python SDK over REST: what the command line and the demo use, and any program may."""

from node.client.client import AsyncLandfallClient, LandfallClient
from node.client.errors import ProblemError, RejectedError, UnavailableError

__all__ = ["AsyncLandfallClient", "LandfallClient", "ProblemError", "RejectedError", "UnavailableError"]
