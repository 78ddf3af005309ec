"""Modules that only look: one function for all lists."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from .client import Client, spec
from .resource import run


def look(path, filters=(), arguments=None):
    """Runs a module that gives the items of a list. filters are arguments that are sent as they are."""
    own = {"limit": {"type": "int"}}
    for name in filters:
        own[name] = {"type": "str"}
    own.update(arguments or {})
    module = AnsibleModule(argument_spec=spec(**own), supports_check_mode=True)

    def work():
        query = {}
        for name in own:
            value = module.params[name]
            if name != "limit" and value is not None:
                query[name] = str(value).lower() if isinstance(value, bool) else value
        items = Client(module.params).list(path, query, module.params["limit"])
        return {"changed": False, "items": items, "count": len(items)}

    run(module, work)
