"""The pages of logging in and out: plain HTML without a script, so that they work everywhere."""

from __future__ import annotations

from html import escape
from http import HTTPStatus

from starlette.responses import HTMLResponse

from dagmesh.consume.identity.paths import LOGIN, LOGOUT

_SAFE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - data mesh</title>
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }}
main {{ max-width: 28rem; margin: 15vh auto; padding: 0 1rem }}
input, button {{ font: inherit; padding: .5rem; width: 100%; box-sizing: border-box; margin-top: .5rem }}
[role=alert] {{ border-left: .25rem solid #c62828; padding-left: .75rem }}
</style></head><body><main><h1>{title}</h1>{body}</main></body></html>
"""


def login_page(next_path: str, refusal: str = "", status: int = 200) -> HTMLResponse:
    """The form that takes a token; it goes on to `next_path`."""
    said = f'<p role="alert">{escape(refusal)}</p>' if refusal else ""
    body = f"""{said}<form method="post" action="{LOGIN}">
<label for="token">Your token</label>
<input id="token" name="token" type="password" autocomplete="off" required autofocus>
<input type="hidden" name="next" value="{escape(local_path(next_path))}">
<button>Log in</button></form>
<p>No token yet? Whoever looks after the mesh makes one: <code>dagmesh token create</code></p>"""
    headers = {**_SAFE, "WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else _SAFE
    return HTMLResponse(_PAGE.format(title="Log in", body=body), status, headers)


def logout_page(who: str) -> HTMLResponse:
    """The form that ends a session."""
    body = f'<p>You are {escape(who)}.</p><form method="post" action="{LOGOUT}"><button>Log out</button></form>'
    return HTMLResponse(_PAGE.format(title="Log out", body=body), headers=_SAFE)


def local_path(path: str) -> str:
    """The path, when a browser that is sent there stays on this server; else the start page."""
    is_local = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_local and not path.startswith((LOGIN, LOGOUT)) else "/"
