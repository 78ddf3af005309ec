#!/usr/bin/python
"""A token for a program"""

from __future__ import annotations

DOCUMENTATION = r"""
module: token
short_description: A token for a program
description:
  - Makes and revokes tokens. An owner has one token of a name.
  - A token cannot be changed. Where it shall be another one, I(regenerate) says whether it is made anew.
version_added: 1.0.0
author: FC-Redirect
extends_documentation_fragment: fcredirect.appliance.appliance
options:
  name:
    description: What it is for.
    type: str
    required: true
  owner:
    description: Whose it is; without it one's own. Another's needs the permission token.write.
    type: str
  role:
    description: What it may do. Without it what its owner may, and it is not compared.
    type: str
    choices: [viewer, operator, policy-admin, admin]
  addresses:
    description: Networks or addresses that it may be used from; without them any.
    type: list
    elements: str
  expires_at:
    description: When it ends, as C(2027-01-31T12:00:00Z). Without it the node decides, and it is not compared.
    type: str
  never_expires:
    description: It never ends. Needs the permission token.write.
    type: bool
    default: false
  regenerate:
    description:
      - What is done where there is a token of the name already.
      - C(never) fails if it is another one than wanted, C(different) makes it anew then, C(always) makes it anew each time.
    type: str
    choices: [never, different, always]
    default: never
  state:
    description: Whether it shall be there.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Prometheus may read
  fcredirect.appliance.token:
    name: prometheus
    role: viewer
    addresses: [192.0.2.17]
  register: made
  no_log: true

- name: Its text is shown once
  ansible.builtin.copy:
    content: "{{ made.secret }}"
    dest: /etc/prometheus/fcredirect/token
    mode: "0400"
  when: made.secret is defined
  no_log: true
"""

RETURN = r"""
object:
  description: How it is afterwards, or would be; null where it is not there.
  returned: success
  type: dict
secret:
  description: The token's text. Say C(no_log) on the task that registers it.
  returned: when a token was made
  type: str
"""

import re
from ipaddress import ip_network

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fcredirect.appliance.plugins.module_utils.client import Client, Problem, part, spec
from ansible_collections.fcredirect.appliance.plugins.module_utils.resource import run, shown

PATH = "/api/v1/tokens"
FIELDS = ("name", "owner", "role", "addresses", "expires_at")


def moment(text):
    """Gives a time without its fraction, for comparison."""
    return re.sub(r"\.\d+", "", text or "")


def networks(addresses):
    """Gives addresses as networks of one, as the node does."""
    try:
        return sorted(str(ip_network(a)) for a in addresses or [])
    except ValueError as error:
        raise Problem("addresses: %s" % error) from error


def is_wanted(token, params):
    """Says whether a token is what the play says."""
    return (
        (params["role"] is None or token["role"] == params["role"])
        and networks(token["addresses"]) == networks(params["addresses"])
        and (params["expires_at"] is None or moment(token.get("expires_at")) == moment(params["expires_at"]))
        and (not params["never_expires"] or not token.get("expires_at"))
    )


class Token:
    """The token of a name."""

    def __init__(self, module):
        self.module = module
        self.client = Client(module.params)
        owner = module.params["owner"]
        named = self.client.list(PATH, {"owner": owner} if owner else None)
        self.there = next((t for t in named if t["name"] == module.params["name"]), None)

    def work(self):
        params = self.module.params
        if params["state"] == "absent":
            if self.there is None:
                return self._result(False, None)
            self._revoke()
            return self._result(True, None)
        anew = False
        if self.there is not None:
            wanted = is_wanted(self.there, params)
            anew = params["regenerate"] == "always" or not wanted and params["regenerate"] == "different"
            if not anew and wanted:
                return self._result(False, self.there)
            if not anew:
                raise Problem("there is a token %s that is another one; regenerate says whether to make it anew" % params["name"])
        return self._make(anew)

    def _make(self, anew):
        keys = ("name", "owner", "role", "addresses", "expires_at")
        body = {k: self.module.params[k] for k in keys if self.module.params[k] is not None}
        if self.module.params["never_expires"]:
            body["never_expires"] = True
        if self.module.check_mode:
            if not anew:  # one of the name is in the way until it is revoked
                self.client.ask("POST", PATH, body=body, query={"dry_run": "true"})
            return self._result(True, body)
        if anew:
            self._revoke()
        _, made, _ = self.client.ask("POST", PATH, body=body)
        secret = made.pop("token", None)
        return dict(self._result(True, made), secret=secret)

    def _revoke(self):
        query = {"dry_run": "true"} if self.module.check_mode else None
        self.client.ask("DELETE", "%s/%s" % (PATH, part(self.there["id"])), query=query)

    def _result(self, changed, after):
        return {
            "changed": changed,
            "object": after,
            "diff": {"before": shown(self.there, FIELDS), "after": shown(after, FIELDS)},
        }


def main():
    module = AnsibleModule(argument_spec=spec(
        name={"type": "str", "required": True},
        owner={"type": "str"},
        role={"type": "str", "choices": ["viewer", "operator", "policy-admin", "admin"]},
        addresses={"type": "list", "elements": "str"},
        expires_at={"type": "str"},
        never_expires={"type": "bool", "default": False},
        regenerate={"type": "str", "choices": ["never", "different", "always"], "default": "never"},
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
    ), mutually_exclusive=[("expires_at", "never_expires")], supports_check_mode=True)
    run(module, lambda: Token(module).work())


if __name__ == "__main__":
    main()
