#!/usr/bin/python
"""The node in short"""

from __future__ import annotations

DOCUMENTATION = r"""
module: system_info
short_description: The node in short
description:
  - Name, versions, and how data plane, database and roles fare. Looks, and changes nothing.
version_added: 1.0.0
author: FC-Redirect
extends_documentation_fragment: fcredirect.appliance.appliance
options: {}
"""

EXAMPLES = r"""
- name: What runs here
  fcredirect.appliance.system_info:
  register: node
"""

RETURN = r"""
system:
  description: As GET /api/v1/system has it.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fcredirect.appliance.plugins.module_utils.client import Client, spec
from ansible_collections.fcredirect.appliance.plugins.module_utils.resource import run


def main():
    module = AnsibleModule(argument_spec=spec(), supports_check_mode=True)
    run(module, lambda: {"changed": False, "system": Client(module.params).get("/api/v1/system")[0]})


if __name__ == "__main__":
    main()
