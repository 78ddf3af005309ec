#!/usr/bin/python
"""A name for one WWPN"""

from __future__ import annotations

DOCUMENTATION = r"""
module: alias
short_description: A name for one WWPN
description:
  - Creates, changes and deletes an alias in the pending configuration.
  - A WWPN has one alias, and an alias and a set have not the same name.
version_added: 1.0.0
author: FC-Redirect
extends_documentation_fragment: fcredirect.appliance.appliance
options:
  name:
    description: The alias.
    type: str
    required: true
  wwpn:
    description: The WWPN, in any spelling. In quotes, for YAML takes some for numbers. Required for C(state=present).
    type: str
  state:
    description: Whether it shall be there.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: A host has a name
  fcredirect.appliance.alias:
    name: host-1
    wwpn: "20:00:02:fc:01:00:00:01"
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

FIELDS = ("wwpn",)


def main():
    module = AnsibleModule(argument_spec=spec(
        name={"type": "str", "required": True},
        wwpn={"type": "str"},
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
    ), required_if=[("state", "present", ("wwpn",))], supports_check_mode=True)

    def work():
        wanted = {"wwpn": module.params["wwpn"]} if module.params["state"] == "present" else None
        return Resource(module, "/api/v1/aliases", module.params["name"], FIELDS).ensure(wanted)

    run(module, work)


if __name__ == "__main__":
    main()
