"""Does this text hold a literal secret? Asked before anything is remembered.

Invariant: errs towards yes. Looked at are tokens, not statements, so half-typed and wrong text is judged by the same rule."""

from __future__ import annotations

import re
from collections.abc import Callable

from kshell.options import names_secret
from kshell.shell.tokens import Token, tokens

_SENSITIVE = re.compile("password|passwd|secret|token|credential|sasl|authorization|private|api_?key|access_?key|ssl_?key|oauth",
                        re.IGNORECASE)
# said in the clear everywhere, also inside CREATE SECRET
_PLAIN = frozenset({"type", "scope", "provider", "region", "endpoint", "url", "uri", "url_style", "use_ssl", "sasl_mechanism",
                    "sasl_mechanisms", "sasl_username", "username", "security_protocol", "bootstrap_servers", "ssl_ca", "s3_region",
                    "s3_endpoint", "oauth2_server_uri", "chain", "profile", "token_file"})
_BARE = frozenset({"sasl_password", "password", "token", "credential", "ssl_key", "ssl_key_password", "oauth_client_secret",
                   "s3_secret_access_key", "s3_session_token"})
_USER_INFO = re.compile(r"://[^/\s:@']*:[^/\s@']+@")
_LOOKUP = frozenset({"getenv", "getvariable", "file", "command"})


def holds_secret(text: str) -> bool:
    if text.lstrip().startswith((".", "\\")):
        return bool(_SENSITIVE.search(text) or _USER_INFO.search(text))
    if _USER_INFO.search(text):
        return True
    found = tokens(text)
    names = _naming(found)
    return any(_is_secret(found, at, names) for at, token in enumerate(found) if token.kind == "string") \
        or any(_is_bare_secret(found, at) for at in range(1, len(found)))


def _naming(found: list[Token]) -> Callable[[str], object]:
    """Which keys name a secret. In CREATE SECRET all do that are not known to be plain, in kshell_serve also the misspelled ones."""
    if _creates_secret(found):
        return lambda key: True
    return names_secret if any(t.text.lower() == "kshell_serve" for t in found[:4]) else _SENSITIVE.search


def _is_bare_secret(found: list[Token], at: int) -> bool:
    """A value without quotes: SASL_PASSWORD hunter2. SECRET names a secret, and is no value."""
    before = at - 2 if found[at - 1].text in ("=", ":=", "=>") else at - 1
    key = found[before].text.lower() if before >= 0 else ""
    return key != "secret" and key in _BARE and found[at].text[:1].isalnum() and found[at].text.lower() not in _LOOKUP


def _creates_secret(found: list[Token]) -> bool:
    words = [t.text.lower() for t in found[:8]]
    return "secret" in words and words[0] == "create" if words else False


def _is_secret(found: list[Token], at: int, names: Callable[[str], object]) -> bool:
    """Is the string at this place the value of a key that names a secret?"""
    before = at - 1
    while before >= 0 and found[before].text in ("=", ":", ":=", "=>", "(", "["):
        before -= 1
    if before < 0 or found[before].text == ",":
        return False
    key = found[before].text.strip("'\"").lower().replace(".", "_").replace("-", "_")
    if key in _LOOKUP:
        return False
    if key in _PLAIN:
        return False
    return bool(names(key))
