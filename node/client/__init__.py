"""The Python SDK over REST: what the command line and the demo use, and any program may."""

from node.client.client import AsyncLandfallClient, LandfallClient
from node.client.errors import CredentialsError, ProblemError, RejectedError, UnavailableError
from node.client.oauth import ClientCredentials

__all__ = [
    "AsyncLandfallClient",
    "ClientCredentials",
    "CredentialsError",
    "LandfallClient",
    "ProblemError",
    "RejectedError",
    "UnavailableError",
]
