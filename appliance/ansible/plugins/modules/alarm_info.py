#!/usr/bin/python
"""What is wrong, and what to do about it"""

from __future__ import annotations

DOCUMENTATION = r"""
module: alarm_info
short_description: What is wrong, and what to do about it
description:
  - Looks, and changes nothing. What the items have in them is what the node's interface describes, at /api/docs.
version_added: 1.0.0
author: FC-Redirect
extends_documentation_fragment: fcredirect.appliance.appliance
options:
  limit:
    description: Not more items than so many. Without it all of them.
    type: int
  state:
    description: Only alarms in one of these states.
    type: list
    elements: str
    choices: [active, flapping, suppressed, cleared]
  severity:
    description: Only these, and more severe ones.
    type: str
    choices: [warning, major, critical]
  code:
    description: Only alarms of this code.
    type: str
  subject:
    description: Only alarms about this, or what is below it.
    type: str
"""

EXAMPLES = r"""
- name: Nothing keeps us from going on
  fcredirect.appliance.alarm_info:
    state: [active, flapping]
    severity: critical
  register: found
  failed_when: found.count > 0
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
        "/api/v1/alarms",
        state={"type": "list", "elements": "str", "choices": ["active", "flapping", "suppressed", "cleared"]},
        severity={"type": "str", "choices": ["warning", "major", "critical"]},
        code={"type": "str"},
        subject={"type": "str"},
    )


if __name__ == "__main__":
    main()
