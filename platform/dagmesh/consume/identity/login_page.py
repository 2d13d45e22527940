"""The pages of logging in and out: plain HTML without a script, so that they work everywhere."""

from __future__ import annotations

from html import escape
from http import HTTPStatus

from starlette.responses import HTMLResponse

from dagmesh.consume.identity.paths import LOGIN, LOGOUT

_SAFE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - data mesh</title><link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; font: 1rem/1.55 system-ui, sans-serif;
  --paper: #fcfcfa; --ink: #1b1f24; --accent: #0f5f8f; --on: #fff; --wash: #fbeae8 }}
@media (prefers-color-scheme: dark) {{ :root {{ --paper: #121518; --ink: #e9ebed; --accent: #7cc0ec; --on: #0b1a24; --wash: #341b19 }} }}
body {{ margin: 0; background: var(--paper); color: var(--ink) }}
main {{ max-width: 26rem; margin: 15vh auto 0; padding: 0 1.5rem }}
h1 {{ font-size: 1.8rem; line-height: 1.2; margin: 0 0 1.5rem }}
label {{ font-weight: 600 }}
input, button {{ font: inherit; padding: .6rem .75rem; width: 100%; box-sizing: border-box; margin-top: .5rem }}
input, button {{ border-radius: 8px; border: 1px solid #8b929a }}
input {{ background: transparent; color: inherit }}
button {{ background: var(--accent); color: var(--on); border-color: transparent; font-weight: 600; cursor: pointer }}
a {{ color: var(--accent) }}
:focus-visible {{ outline: 3px solid var(--accent); outline-offset: 2px }}
[role=alert] {{ background: var(--wash); border-left: 3px solid #cf4a3f; border-radius: 0 8px 8px 0; padding: .6rem 1rem }}
</style></head><body><main><h1>{title}</h1>{body}</main></body></html>
"""


def login_page(next_path: str, refusal: str = "", status: int = 200) -> HTMLResponse:
    """The form that takes a token; it goes on to `next_path`."""
    said = f'<p role="alert">{escape(refusal[:1].upper() + refusal[1:])}</p>' if refusal else ""
    body = f"""{said}<form method="post" action="{LOGIN}">
<label for="token">Your token</label>
<input id="token" name="token" type="password" autocomplete="off" required autofocus>
<input type="hidden" name="next" value="{escape(local_path(next_path))}">
<button>Log in</button></form>
<p>Whoever looks after the mesh makes you one: <code>dagmesh token create</code></p>"""
    headers = {**_SAFE, "WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else _SAFE
    return HTMLResponse(_PAGE.format(title="Log in", body=body), status, headers)


def logout_page(who: str) -> HTMLResponse:
    """The form that ends a session."""
    body = f'<p>You are {escape(who)}.</p><form method="post" action="{LOGOUT}"><button>Log out</button></form><p><a href="/">Back</a></p>'
    return HTMLResponse(_PAGE.format(title="Log out", body=body), headers=_SAFE)


def local_path(path: str) -> str:
    """The path, when a browser that is sent there stays on this server; else the start page."""
    is_local = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_local and not path.startswith((LOGIN, LOGOUT)) else "/"
