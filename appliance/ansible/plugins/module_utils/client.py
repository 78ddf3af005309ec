"""The way to a node: its REST interface over HTTPS, or over the daemon's unix socket."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import re
import socket
import ssl
import time
import uuid
from urllib.parse import quote, urlencode, urlsplit

from ansible.module_utils.basic import env_fallback

# The most that is read of an answer, and the most tries of a request that the node was too busy for.
LONGEST = 64 << 20
TRIES = 5

CONNECTION = {
    "server": {"type": "str", "required": True, "fallback": (env_fallback, ["FCR_SERVER"])},
    "token": {"type": "str", "no_log": True, "fallback": (env_fallback, ["FCR_TOKEN"])},
    "ca": {"type": "path"},
    "fingerprint": {"type": "str"},
    "timeout": {"type": "int", "default": 30},
}


def spec(**own):
    """Gives the arguments of a module: its own, and those of the connection."""
    return dict(CONNECTION, **own)


class Problem(Exception):
    """An answer that says what is wrong (RFC 9457), or a node that cannot be reached."""

    def __init__(self, text, status=0, code="unreachable", fields=()):
        super().__init__(text)
        self.status = status
        self.code = code
        self.fields = list(fields)

    @classmethod
    def of(cls, status, body):
        """Makes one of an answer."""
        try:
            doc = json.loads(body)
        except ValueError:
            doc = {}
        if not isinstance(doc, dict):
            doc = {}
        text = doc.get("title") or "the node answered with status %d" % status
        if doc.get("detail"):
            text += ": " + doc["detail"]
        fields = doc.get("fields") or []
        for field in fields:
            text += "; %s %s" % (field.get("location"), field.get("message"))
        if doc.get("request_id"):
            text += " (request %s)" % doc["request_id"]
        return cls(text, status, doc.get("code", "status_%d" % status), fields)

    def result(self):
        """What a module fails with."""
        return {"msg": str(self), "status": self.status, "code": self.code, "fields": self.fields}


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class PinnedConnection(http.client.HTTPSConnection):
    """HTTPS to a server that shows one very certificate."""

    def __init__(self, host, port, pin, timeout):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # the certificate itself is known: names and issuers add nothing
        super().__init__(host, port, timeout=timeout, context=context)
        self.pin = pin

    def connect(self):
        super().connect()
        shown = hashlib.sha256(self.sock.getpeercert(True)).digest()
        if not hmac.compare_digest(shown, self.pin):
            self.close()
            raise ssl.SSLError("the certificate has the fingerprint %s, not the one that is trusted" % shown.hex())


class Client:
    """A node. It asks one thing at a time."""

    def __init__(self, params):
        self.token = params.get("token")
        self.timeout = params.get("timeout") or 30
        self.make = self._maker(params)

    def _maker(self, params):
        """Says how a connection is made, or what is wrong with the arguments."""
        server = params["server"]
        if server.startswith("unix:"):
            path = server[len("unix:"):]
            return lambda: UnixConnection(path, self.timeout)
        url = urlsplit(server)
        if url.scheme != "https" or not url.hostname or url.path.strip("/") or url.query or url.username:
            raise Problem("server: want https://host:port, or unix: and the path of a socket")
        port = url.port or 443
        if params.get("fingerprint"):
            digits = re.sub(r"^sha256:", "", params["fingerprint"].lower()).replace(":", "")
            if not re.fullmatch(r"[0-9a-f]{64}", digits):
                raise Problem("fingerprint: want the SHA-256 of a certificate, 64 hexadecimal digits")
            return lambda: PinnedConnection(url.hostname, port, bytes.fromhex(digits), self.timeout)
        if params.get("ca") and not os.path.exists(params["ca"]):
            raise Problem("ca: there is no file %s" % params["ca"])
        context = ssl.create_default_context(cafile=params.get("ca"))
        return lambda: http.client.HTTPSConnection(url.hostname, port, timeout=self.timeout, context=context)

    def ask(self, method, path, body=None, query=None, headers=None):
        """Sends a request, again while the node is too busy, and gives status, answer and entity tag."""
        head = {"Accept": "application/json"}
        head.update(headers or {})
        if self.token:
            head["Authorization"] = "Bearer " + self.token
        data = None
        if body is not None:
            head["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        if method == "POST":
            head["Idempotency-Key"] = uuid.uuid4().hex  # sent again, it happens once
        if query:
            path += "?" + urlencode(query, doseq=True)
        for left in range(TRIES - 1, -1, -1):
            try:
                return self._once(method, path, data, head)
            except Problem as problem:
                if not left or problem.code not in ("busy", "too_many_requests"):
                    raise
            time.sleep(0.2 * (TRIES - left))
        raise AssertionError("unreachable")

    def _once(self, method, path, data, headers):
        connection = self.make()
        try:
            connection.request(method, path, body=data, headers=headers)
            answer = connection.getresponse()
            text = answer.read(LONGEST + 1)
        except (OSError, http.client.HTTPException) as error:
            raise Problem("%s %s: %s" % (method, path.split("?")[0], error)) from error
        finally:
            connection.close()
        if len(text) > LONGEST:
            raise Problem("%s: the answer is longer than %d MiB" % (path.split("?")[0], LONGEST >> 20))
        if answer.status >= 300:
            raise Problem.of(answer.status, text)
        return answer.status, json.loads(text) if text.strip() else None, answer.getheader("ETag")

    def get(self, path, query=None):
        """Gives a thing and its entity tag; None where there is none."""
        try:
            _, thing, tag = self.ask("GET", path, query=query)
        except Problem as problem:
            if problem.code == "not_found":
                return None, None
            raise
        return thing, tag

    def list(self, path, query=None, most=None):
        """Gives all items of a list, page by page, or so many."""
        query, items = dict(query or {}), []
        while most is None or len(items) < most:
            query["limit"] = min(1000, most - len(items)) if most is not None else 1000
            _, page, _ = self.ask("GET", path, query=query)
            items += page["items"]
            if not page.get("next_cursor"):
                break
            query["cursor"] = page["next_cursor"]
        return items


def part(name):
    """Makes a name a part of a path."""
    return quote(name, safe="")
