#!/usr/bin/python
"""A name for several WWPNs"""

from __future__ import annotations

DOCUMENTATION = r"""
module: device_set
short_description: A name for several WWPNs
description:
  - Creates, changes and deletes a set in the pending configuration.
version_added: 1.0.0
author: FC-Redirect
extends_documentation_fragment: fcredirect.appliance.appliance
options:
  name:
    description: The set.
    type: str
    required: true
  members:
    description:
      - Aliases, WWPNs in any spelling, and masks as C(20:00:02:fc:*). Their order means nothing to policies, but is kept.
      - Required for C(state=present).
    type: list
    elements: str
  state:
    description: Whether it shall be there.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: The hosts of a cluster
  fcredirect.appliance.device_set:
    name: cluster-a
    members: [host-1, host-2, "20:00:02:fc:07:*"]
"""

RETURN = r"""
object:
  description: How it is afterwards, or would be; null where it is not there.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fcredirect.appliance.plugins.module_utils.client import spec
from ansible_collections.fcredirect.appliance.plugins.module_utils.resource import Resource, run

FIELDS = ("members",)


def main():
    module = AnsibleModule(argument_spec=spec(
        name={"type": "str", "required": True},
        members={"type": "list", "elements": "str"},
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
    ), required_if=[("state", "present", ("members",))], supports_check_mode=True)

    def work():
        wanted = {"members": module.params["members"]} if module.params["state"] == "present" else None
        return Resource(module, "/api/v1/sets", module.params["name"], FIELDS).ensure(wanted)

    run(module, work)


if __name__ == "__main__":
    main()
