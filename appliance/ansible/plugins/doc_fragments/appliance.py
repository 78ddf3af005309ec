"""What all modules of the collection have in common, for their documentation."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of the connection. plugins/module_utils/client.py reads them."""

    DOCUMENTATION = r"""
options:
  server:
    description:
      - Where the node is. C(https://host:8443), or C(unix:) and the path of the daemon's socket on the machine that the task runs on.
      - Without it, the environment variable C(FCR_SERVER) says so.
    type: str
    required: true
  token:
    description:
      - A token of the node. Over the socket root needs none.
      - Without it, the environment variable C(FCR_TOKEN) is used.
    type: str
  ca:
    description: The file of the certificates to trust, instead of the machine's own.
    type: path
  fingerprint:
    description:
      - The SHA-256 of the node's certificate, 64 hexadecimal digits with or without colons, or with C(sha256:) before them.
      - Then that very certificate is trusted, whoever signed it and whatever name stands in it.
    type: str
  timeout:
    description: How many seconds an answer may take.
    type: int
    default: 30
notes:
  - The tasks talk to the node's interface, so they usually run with C(delegate_to=localhost) or C(connection=local).
  - All but C(change) edit the pending configuration, or accounts; nothing is decided anew until M(fcredirect.appliance.change) applies it.
"""
