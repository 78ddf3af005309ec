#!/usr/bin/python
"""A local account"""

from __future__ import annotations

DOCUMENTATION = r"""
module: user
short_description: A local account
description:
  - Creates, changes and deletes an account of the node. It counts at once, not with the next change of configuration.
  - What is not said is as a new account has it, but for the password, which stays.
version_added: 1.0.0
author: FC-Redirect
extends_documentation_fragment: fcredirect.appliance.appliance
options:
  name:
    description: The account.
    type: str
    required: true
  role:
    description: What it may do. Required for C(state=present).
    type: str
    choices: [viewer, operator, policy-admin, admin]
  password:
    description: 12 characters at least. A new account needs one.
    type: str
  update_password:
    description:
      - C(on_create) sets the password of an account that is new.
      - C(always) sets it in any case, which ends the account's sessions and is always a change. What the node keeps of a password cannot be compared.
    type: str
    choices: [on_create, always]
    default: on_create
  disabled:
    description: Whether it is kept out.
    type: bool
    default: false
  description:
    description: Who it is.
    type: str
  state:
    description: Whether it shall be there.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Alice edits policies
  fcredirect.appliance.user:
    name: alice
    role: policy-admin
    description: Alice of storage
    password: "{{ vault_alice }}"
"""

RETURN = r"""
object:
  description: How it is afterwards, or would be; null where it is not there.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fcredirect.appliance.plugins.module_utils.client import spec
from ansible_collections.fcredirect.appliance.plugins.module_utils.resource import Resource, run

FIELDS = ("role", "disabled", "description")


def main():
    module = AnsibleModule(argument_spec=spec(
        name={"type": "str", "required": True},
        role={"type": "str", "choices": ["viewer", "operator", "policy-admin", "admin"]},
        password={"type": "str", "no_log": True},
        update_password={"type": "str", "choices": ["on_create", "always"], "default": "on_create", "no_log": False},
        disabled={"type": "bool", "default": False},
        description={"type": "str"},
        state={"type": "str", "choices": ["present", "absent"], "default": "present"},
    ), required_if=[("state", "present", ("role",)), ("update_password", "always", ("password",))], supports_check_mode=True)

    def work():
        account = Resource(module, "/api/v1/users", module.params["name"], FIELDS)
        if module.params["state"] == "absent":
            return account.ensure(None)
        wanted = {f: module.params[f] for f in FIELDS if module.params[f] is not None}
        always = module.params["update_password"] == "always"
        if module.params["password"] and (always or account.client.get(account.path)[0] is None):
            wanted["password"] = module.params["password"]
        return account.ensure(wanted, force=always)

    run(module, work)


if __name__ == "__main__":
    main()
