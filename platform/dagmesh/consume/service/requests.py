"""What every room asks of a request: who asks, and a body that is no longer than it may be."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

from dagmesh.consume.identity.principal import Principal


def principal_of(request: Request) -> Principal:
    """Who asks.

    Raises:
        HTTPException: 401, nobody said who it is.
    """
    found = getattr(request.state, "principal", None)
    if not isinstance(found, Principal):
        raise HTTPException(401, "Say who asks: Authorization: Bearer <token>.", {"WWW-Authenticate": "Bearer"})
    return found


async def body_of(request: Request, most: int) -> bytes:
    """The request's body; no more of it is read than it may have.

    Raises:
        HTTPException: 413, it has more than so many bytes.
    """
    body = bytearray()
    async for some in request.stream():
        body += some
        if len(body) > most:
            raise HTTPException(413, f"The body has more than {most:,} bytes, the most it may have.")
    return bytes(body)
