"""Modules that only look: one function for all lists."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from .client import Client, spec
from .resource import run

# Arguments that the interface calls by a word that YAML takes for a truth.
SENT_AS = {"configuration": "on"}


def look(path, **filters):
    """Runs a module that gives the items of a list. filters are arguments that are sent as they are."""
    own = dict(limit={"type": "int"}, **filters)
    module = AnsibleModule(argument_spec=spec(**own), supports_check_mode=True)

    def work():
        query = {}
        for name in filters:
            value = module.params[name]
            if value is not None:
                query[SENT_AS.get(name, name)] = ",".join(value) if isinstance(value, list) else value
        items = Client(module.params).list(path, query, module.params["limit"])
        return {"changed": False, "items": items, "count": len(items)}

    run(module, work)
