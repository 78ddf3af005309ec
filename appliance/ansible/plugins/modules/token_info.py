#!/usr/bin/python
"""Which tokens there are, without their texts"""

from __future__ import annotations

DOCUMENTATION = r"""
module: token_info
short_description: Which tokens there are, without their texts
description:
  - Looks, and changes nothing. What the items have in them is what the node's interface describes, at /api/docs.
version_added: 1.0.0
author: FC-Redirect
extends_documentation_fragment: fcredirect.appliance.appliance
options:
  limit:
    description: Not more items than so many. Without it all of them.
    type: int
  owner:
    description: Whose; C(*) is everybody's, without it one's own.
    type: str
"""

EXAMPLES = r"""
- name: Look
  fcredirect.appliance.token_info:
    owner: "*"
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
    look("/api/v1/tokens", owner={"type": "str"})


if __name__ == "__main__":
    main()
