#!/usr/bin/python
"""Who is logged in to the fabric"""

from __future__ import annotations

DOCUMENTATION = r"""
module: login_info
short_description: Who is logged in to the fabric
description:
  - Looks, and changes nothing. What the items have in them is what the node's interface describes, at /api/docs.
version_added: 1.0.0
author: FC-Redirect
extends_documentation_fragment: fcredirect.appliance.appliance
options:
  limit:
    description: Not more items than so many. Without it all of them.
    type: int
  wwpn:
    description: A WWPN in any spelling, or an alias.
    type: str
  role:
    description: What the N_Port is.
    type: str
    choices: [initiator, target, both, unknown]
  state:
    description: How sure the login is.
    type: str
    choices: [live, suspect, removed]
  vsan:
    description: 0 is untagged.
    type: int
  port:
    description: The port on which its frames come in.
    type: str
  text:
    description: Part of an alias or a WWPN.
    type: str
"""

EXAMPLES = r"""
- name: Look
  fcredirect.appliance.login_info:
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
        "/api/v1/logins",
        wwpn={"type": "str"},
        role={"type": "str", "choices": ["initiator", "target", "both", "unknown"]},
        state={"type": "str", "choices": ["live", "suspect", "removed"]},
        vsan={"type": "int"},
        port={"type": "str"},
        text={"type": "str"},
    )


if __name__ == "__main__":
    main()
