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
    description: A WWPN in any spelling, an alias, a set, a mask.
    type: str
  target:
    description: Likewise.
    type: str
  end:
    description: Likewise, of either end.
    type: str
  text:
    description: Part of an alias or a WWPN of either end.
    type: str
  vsan:
    description: 0 is untagged.
    type: int
  verdict:
    description: What is decided about them.
    type: list
    elements: str
    choices: [forward, redirect, mirror, drop]
  state:
    description: Whether they go the way that was decided.
    type: list
    elements: str
    choices: [active, bypassed, blocked]
  policy:
    description: The policy that decided, C(-) for none.
    type: str
  service:
    description: The service that the flow goes to, C(-) for none.
    type: str
  port:
    description: A port on which one of its directions comes in.
    type: str
  sort:
    description: The field to order by; with - before it, the greatest first.
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
    look(
        "/api/v1/flows",
        initiator={"type": "str"},
        target={"type": "str"},
        end={"type": "str"},
        text={"type": "str"},
        vsan={"type": "int"},
        verdict={"type": "list", "elements": "str", "choices": ["forward", "redirect", "mirror", "drop"]},
        state={"type": "list", "elements": "str", "choices": ["active", "bypassed", "blocked"]},
        policy={"type": "str"},
        service={"type": "str"},
        port={"type": "str"},
        sort={"type": "str"},
    )


if __name__ == "__main__":
    main()
