#!/usr/bin/python
"""Ports, their links and counters"""

from __future__ import annotations

DOCUMENTATION = r"""
module: port_info
short_description: Ports, their links and counters
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
    description: Only ports of this role.
    type: str
    choices: [edge, fabric, service]
"""

EXAMPLES = r"""
- name: Look
  fcredirect.appliance.port_info:
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
    look("/api/v1/ports", role={"type": "str", "choices": ["edge", "fabric", "service"]})


if __name__ == "__main__":
    main()
