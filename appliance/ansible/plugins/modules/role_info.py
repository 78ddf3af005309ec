#!/usr/bin/python
"""The roles of the daemon and how they fare"""

from __future__ import annotations

DOCUMENTATION = r"""
module: role_info
short_description: The roles of the daemon and how they fare
description:
  - Looks, and changes nothing. What the items have in them is what the node's interface describes, at /api/docs.
version_added: 1.0.0
author: FC-Redirect
extends_documentation_fragment: fcredirect.appliance.appliance
options:
  limit:
    description: Not more items than so many. Without it all of them.
    type: int
  role:
    description: Only instances of this role.
    type: str
  state:
    description: Only instances in this state.
    type: str
"""

EXAMPLES = r"""
- name: Look
  fcredirect.appliance.role_info:
    limit: 100
  register: found
"""

RETURN = r"""
items:
  description: What there is.
  returned: success
  type: list
  elements: dict
count:
  description: How many items these are.
  returned: success
  type: int
"""

from ansible_collections.fcredirect.appliance.plugins.module_utils.info import look


def main():
    look(
        "/api/v1/roles",
        role={"type": "str"},
        state={"type": "str"},
    )


if __name__ == "__main__":
    main()
