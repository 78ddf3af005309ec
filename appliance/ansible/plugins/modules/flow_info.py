#!/usr/bin/python
"""Which flows there are, and what is decided about them"""

from __future__ import annotations

DOCUMENTATION = r"""
module: flow_info
short_description: Which flows there are, and what is decided about them
description:
  - Looks, and changes nothing. What the items have in them is what the node's interface describes, at /api/docs.
version_added: 1.0.0
author: FC-Redirect
extends_documentation_fragment: fcredirect.appliance.appliance
options:
  limit:
    description: Not more items than so many. Without it all of them.
    type: int
  initiator:
    description: Only flows of this WWPN or alias.
    type: str
  target:
    description: Only flows to this WWPN or alias.
    type: str
"""

EXAMPLES = r"""
- name: Look
  fcredirect.appliance.flow_info:
    initiator: host-1
    limit: 20
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
    look("/api/v1/flows", ("initiator", "target"))


if __name__ == "__main__":
    main()
