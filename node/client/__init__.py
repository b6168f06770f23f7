"""The Python SDK over REST: what the command line and the demo use, and any program may."""

from node.client.client import LandfallClient
from node.client.errors import CredentialsError, ProblemError, RejectedError, UnavailableError
from node.client.oauth import ClientCredentials

__all__ = [
    "ClientCredentials",
    "CredentialsError",
    "LandfallClient",
    "ProblemError",
    "RejectedError",
    "UnavailableError",
]
