#!/usr/bin/python
"""What is pending decides, or does not"""

from __future__ import annotations

DOCUMENTATION = r"""
module: change
short_description: What is pending decides, or does not
description:
  - Applies what was edited, confirms it, takes it back, or forgets it.
  - A change that is applied and not confirmed within its window is taken back by the data plane itself, whatever has crashed meanwhile.
  - In check mode, edits of tasks before this one were not made, so they do not show in its difference.
version_added: 1.0.0
author: FC-Redirect
extends_documentation_fragment: fcredirect.appliance.appliance
options:
  state:
    description:
      - C(confirmed) applies what is pending and confirms it; also confirms what was applied before and still waits.
      - C(applied) applies what is pending and leaves it waiting, so that the play can look whether all is well before it confirms.
      - C(reverted) takes back what waits. C(discarded) forgets what is pending.
    type: str
    choices: [applied, confirmed, reverted, discarded]
    default: confirmed
  window:
    description: Within how many seconds it must be confirmed.
    type: int
    default: 60
  note:
    description: What the change is about.
    type: str
  ticket:
    description: What the change belongs to.
    type: str
  takeover:
    description: Take the lock of the configuration where somebody else has it.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: What the play edited decides, for now
  fcredirect.appliance.change:
    state: applied
    window: 120
    ticket: CHG-4711

- name: Hosts still reach their disks
  ansible.builtin.command: multipath -ll
  delegate_to: host-1
  changed_when: false

- name: Then it shall stay
  fcredirect.appliance.change:
    state: confirmed
"""

RETURN = r"""
revision:
  description: The revision that decides now; in check mode the one that would.
  returned: success
  type: int
changes:
  description: What is different, object by object.
  returned: when something was pending
  type: list
  elements: dict
change:
  description: Where the change of configuration stands.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fcredirect.appliance.plugins.module_utils.client import Client, spec
from ansible_collections.fcredirect.appliance.plugins.module_utils.resource import run

PATH = "/api/v1/change"


class Change:
    """The change of configuration of a node."""

    def __init__(self, module):
        self.module = module
        self.client = Client(module.params)
        self.state = self.client.get(PATH)[0]

    def post(self, verb, body=None, query=None):
        """Does something, and gives the answer."""
        return self.client.ask("POST", "%s/%s" % (PATH, verb), body=body, query=query)[1]

    def work(self):
        wanted = self.module.params["state"]
        if wanted == "reverted":
            return self.do("revert", self.state["phase"] == "window")
        if wanted == "discarded":
            difference = self.difference()
            return dict(self.do("discard", "pending" in self.state or "lock" in self.state), **difference)
        if self.state["phase"] == "window":
            return self.do("confirm", wanted == "confirmed")
        return self.apply(wanted == "confirmed")

    def do(self, verb, needed):
        """Takes one step, if it is needed."""
        if needed and not self.module.check_mode:
            if verb == "discard":
                self.take_over()
            self.state = self.post(verb, {} if verb in ("revert", "confirm") else None)
        return self.result(needed)

    def apply(self, confirm):
        """Makes what is pending decide."""
        difference = self.difference()
        if not difference:
            return self.result(False)
        params = self.module.params
        order = {"window_s": params["window"]}
        order.update({k: params[k] for k in ("note", "ticket") if params[k]})
        if self.module.check_mode:
            tried = self.post("apply", order, {"dry_run": "true"}) if self.is_mine() else {}
            return dict(self.result(True), revision=tried.get("revision", self.state["active"]["revision"]), **difference)
        self.take_over()
        applied = self.post("apply", order)
        if confirm:
            self.post("confirm", {"revision": applied["revision"]})
        self.state = self.client.get(PATH)[0]
        return dict(self.result(True), **difference)

    def is_mine(self):
        """Says whether nobody else has the lock."""
        return "lock" not in self.state or self.state["lock"]["owner"] == self.client.get("/api/v1/me")[0]["name"]

    def take_over(self):
        """Takes the lock, if the play says so."""
        if self.module.params["takeover"] and not self.is_mine():
            self.post("takeover")

    def difference(self):
        """Gives what is pending: nothing where it is the same as what decides."""
        if "pending" not in self.state:
            return {}
        difference = self.post("diff")
        if not difference["changes"]:
            return {}
        return {"changes": difference["changes"], "diff": {"prepared": difference["text"]}}

    def result(self, changed):
        """Gives the result of the module."""
        return {"changed": changed, "revision": self.state["active"]["revision"], "change": self.state}


def main():
    module = AnsibleModule(argument_spec=spec(
        state={"type": "str", "choices": ["applied", "confirmed", "reverted", "discarded"], "default": "confirmed"},
        window={"type": "int", "default": 60},
        note={"type": "str"},
        ticket={"type": "str"},
        takeover={"type": "bool", "default": False},
    ), supports_check_mode=True)
    run(module, lambda: Change(module).work())


if __name__ == "__main__":
    main()
