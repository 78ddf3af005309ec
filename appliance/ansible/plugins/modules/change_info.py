#!/usr/bin/python
"""Where the change of configuration stands"""

from __future__ import annotations

DOCUMENTATION = r"""
module: change_info
short_description: Where the change of configuration stands
description:
  - What decides, what is pending, who edits, and how long a revision still waits to be confirmed. Looks, and changes nothing.
version_added: 1.0.0
author: FC-Redirect
extends_documentation_fragment: fcredirect.appliance.appliance
options: {}
"""

EXAMPLES = r"""
- name: Nobody else is at it
  fcredirect.appliance.change_info:
  register: now
  failed_when: now.change.lock is defined and now.change.lock.owner != "ansible"
"""

RETURN = r"""
change:
  description: As GET /api/v1/change has it.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fcredirect.appliance.plugins.module_utils.client import Client, spec
from ansible_collections.fcredirect.appliance.plugins.module_utils.resource import run


def main():
    module = AnsibleModule(argument_spec=spec(), supports_check_mode=True)
    run(module, lambda: {"changed": False, "change": Client(module.params).get("/api/v1/change")[0]})


if __name__ == "__main__":
    main()
