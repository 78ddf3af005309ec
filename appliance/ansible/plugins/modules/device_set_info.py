#!/usr/bin/python
"""Which sets there are"""

from __future__ import annotations

DOCUMENTATION = r"""
module: device_set_info
short_description: Which sets there are
description:
  - Looks, and changes nothing. What the items have in them is what the node's interface describes, at /api/docs.
version_added: 1.0.0
author: FC-Redirect
extends_documentation_fragment: fcredirect.appliance.appliance
options:
  limit:
    description: Not more items than so many. Without it all of them.
    type: int
  search:
    description: A part of the name.
    type: str
  configuration:
    description: What is being edited, or what decides.
    type: str
    choices: [pending, active]
"""

EXAMPLES = r"""
- name: Look
  fcredirect.appliance.device_set_info:
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
        "/api/v1/sets",
        search={"type": "str"},
        configuration={"type": "str", "choices": ["pending", "active"]},
    )


if __name__ == "__main__":
    main()
