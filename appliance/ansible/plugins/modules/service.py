#!/usr/bin/python
"""Where redirected frames and copies go"""

from __future__ import annotations

DOCUMENTATION = r"""
module: service
short_description: Where redirected frames and copies go
description:
  - Creates, changes and deletes a service in the pending configuration.
  - What is not said is as a new service has it, also where the service is there already.
version_added: 1.0.0
author: FC-Redirect
extends_documentation_fragment: fcredirect.appliance.appliance
options:
  name:
    description: The service.
    type: str
    required: true
  mode:
    description: C(steer) gets the frames and hands them back, C(mirror) gets copies. Required for C(state=present).
    type: str
    choices: [steer, mirror]
  port:
    description: A port of role service in the boot file. Required for C(state=present).
    type: str
  mac:
    description: Where frames are addressed to. C(mode=steer) needs it.
    type: str
  vlan:
    description: The tag of frames to the service; 0 leaves the frame's own.
    type: int
  on_failure:
    description: What happens to redirected flows while the service is down.
    type: str
    choices: [bypass, block]
  note:
    description: For people.
    type: str
  state:
    description: Whether it shall be there.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Frames are inspected
  fcredirect.appliance.service:
    name: inspect
    mode: steer
    port: svc0
    mac: "02:fc:5e:00:00:01"
    on_failure: bypass
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

FIELDS = ("mode", "port", "mac", "vlan", "on_failure", "note")


def main():
    module = AnsibleModule(argument_spec=spec(
        name={"type": "str", "required": True},
        mode={"type": "str", "choices": ["steer", "mirror"]},
        port={"type": "str"},
        mac={"type": "str"},
        vlan={"type": "int"},
        on_failure={"type": "str", "choices": ["bypass", "block"]},
        note={"type": "str"},
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
    ), required_if=[("state", "present", ("mode", "port"))], supports_check_mode=True)

    def work():
        wanted = None
        if module.params["state"] == "present":
            wanted = {f: module.params[f] for f in FIELDS if module.params[f] is not None}
        return Resource(module, "/api/v1/services", module.params["name"], FIELDS).ensure(wanted)

    run(module, work)


if __name__ == "__main__":
    main()
