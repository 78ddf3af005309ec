#!/usr/bin/python
"""One rule of the redirection policy"""

from __future__ import annotations

DOCUMENTATION = r"""
module: policy
short_description: One rule of the redirection policy
description:
  - Creates, changes, moves and deletes a policy in the pending configuration. The first enabled policy that matches a flow decides.
  - What is not said is as a new policy has it, also where the policy is there already; its place alone stays where it is.
version_added: 1.0.0
author: FC-Redirect
extends_documentation_fragment: fcredirect.appliance.appliance
options:
  name:
    description: The policy.
    type: str
    required: true
  match:
    description: Which flows it is about. What is left out matches everything.
    type: dict
    suboptions:
      initiator:
        description: Aliases, sets, WWPNs and masks.
        type: list
        elements: str
      target:
        description: Aliases, sets, WWPNs and masks.
        type: list
        elements: str
      vsan:
        description: Numbers and ranges, as C(100-199).
        type: list
        elements: str
  action:
    description: What is done with their storage frames. Required for C(state=present).
    type: str
    choices: [forward, redirect, mirror, drop]
  service:
    description: The service, for C(redirect) and C(mirror).
    type: str
  frames:
    description: What a mirror copies.
    type: str
    choices: [all, commands]
  on_failure:
    description: What happens while the service is down; what the service says unless said here.
    type: str
    choices: [bypass, block]
  disabled:
    description: It is kept and checked, and never matches.
    type: bool
    default: false
  note:
    description: For people.
    type: str
  ticket:
    description: What the change belongs to.
    type: str
  before:
    description: The policy to stand directly or further before. One of I(before), I(after) and I(position) may be said.
    type: str
  after:
    description: The policy to stand directly or further behind.
    type: str
  position:
    description: Its place, from 1; beyond the end is the end.
    type: int
  state:
    description: Whether it shall be there.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: The database's flows are inspected, before everything else
  fcredirect.appliance.policy:
    name: inspect-db
    match: {initiator: [cluster-a], target: [array-a], vsan: ["100-199"]}
    action: redirect
    service: inspect
    ticket: CHG-4711
    position: 1
"""

RETURN = r"""
object:
  description: How it is afterwards, or would be; null where it is not there.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fcredirect.appliance.plugins.module_utils.client import Problem, part, spec
from ansible_collections.fcredirect.appliance.plugins.module_utils.resource import Resource, run

PATH = "/api/v1/policies"
FIELDS = ("match", "action", "service", "frames", "on_failure", "disabled", "note", "ticket")


class Policy(Resource):
    """A policy, which has a place among the others."""

    def __init__(self, module):
        super().__init__(module, PATH, module.params["name"], FIELDS + ("position",))

    def place(self):
        """Gives the place to ask for, None where it stands as wanted."""
        params = self.module.params
        here = (self.client.get(self.path)[0] or {}).get("position")
        if params["position"]:
            total = len(self.client.list(PATH)) if here else 0
            return None if here and here == min(params["position"], total) else {"position": params["position"]}
        for side in ("before", "after"):
            if not params[side]:
                continue
            there = (self.client.get("%s/%s" % (PATH, part(params[side])))[0] or {}).get("position")
            if here and there and (here < there) == (side == "before"):
                return None
            return {side: params[side]}
        return None

    def wanted(self):
        """Gives what the play says."""
        params = self.module.params
        policy = {f: params[f] for f in FIELDS if params[f] is not None}
        policy["match"] = {k: v for k, v in (params["match"] or {}).items() if v is not None}
        place = self.place()
        if place:
            policy["place"] = place
        else:
            policy["position"] = (self.client.get(self.path)[0] or {}).get("position")
        return policy

    def work(self):
        if self.module.params["name"] in (self.module.params["before"], self.module.params["after"]):
            raise Problem("a policy cannot stand before or after itself")
        return self.ensure(self.wanted() if self.module.params["state"] == "present" else None)


def main():
    several = {"type": "list", "elements": "str"}
    module = AnsibleModule(argument_spec=spec(
        name={"type": "str", "required": True},
        match={"type": "dict", "options": {"initiator": several, "target": several, "vsan": several}},
        action={"type": "str", "choices": ["forward", "redirect", "mirror", "drop"]},
        service={"type": "str"},
        frames={"type": "str", "choices": ["all", "commands"]},
        on_failure={"type": "str", "choices": ["bypass", "block"]},
        disabled={"type": "bool", "default": False},
        note={"type": "str"},
        ticket={"type": "str"},
        before={"type": "str"},
        after={"type": "str"},
        position={"type": "int"},
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
    ), required_if=[("state", "present", ("action",))], mutually_exclusive=[("before", "after", "position")], supports_check_mode=True)
    run(module, lambda: Policy(module).work())


if __name__ == "__main__":
    main()
