"""Things that have a name and a state to be brought into: get, compare, try, put."""

from __future__ import annotations

import json
import re

from .client import Client, Problem, part

WWN = re.compile(r"^(0[xX])?[0-9a-fA-F]{2}([:-]?[0-9a-fA-F]{2}){7}$")


def spelled(value):
    """Gives a WWN in any spelling the one with colons; everything else stays."""
    if isinstance(value, str) and WWN.match(value):
        digits = re.sub(r"^0[xX]|[:-]", "", value).lower()
        return ":".join(digits[i:i + 2] for i in range(0, 16, 2))
    if isinstance(value, list):
        return [spelled(v) for v in value]
    if isinstance(value, dict):
        return {k: spelled(v) for k, v in value.items()}
    return value


def said(thing):
    """Leaves out of a thing what says nothing: null, empty, false and 0 are what the node leaves out too."""
    if isinstance(thing, dict):
        kept = {k: said(v) for k, v in thing.items()}
        return {k: v for k, v in kept.items() if v not in (None, "", [], {}, False, 0)}
    return thing


def same(a, b, fields):
    """Says whether two things are equal in the given fields."""
    a, b = said(spelled(a or {})), said(spelled(b or {}))
    return all(a.get(f) == b.get(f) for f in fields)


def shown(thing, fields):
    """Gives the text of a thing for a diff."""
    if thing is None:
        return ""
    return json.dumps(said({f: thing.get(f) for f in fields}), indent=2, sort_keys=True) + "\n"


class Resource:
    """A thing with a name below a path. fields are those that a play may say; all others are the node's."""

    def __init__(self, module, path, name, fields):
        self.module = module
        self.client = Client(module.params)
        self.path = "%s/%s" % (path, part(name))
        self.name = name
        self.fields = fields

    def ensure(self, wanted, force=False):
        """Brings it into the wanted state, None for absent, and gives the result of the module."""
        current, tag = self.client.get(self.path)
        if wanted is None:
            return self._absent(current, tag)
        if current is not None and not force and same(current, wanted, self.fields):
            return self._result(False, current, current)
        headers = {"If-Match": tag} if current is not None else {"If-None-Match": "*"}
        tried = self._try(wanted, headers)
        if current is not None and not force and same(current, tried, self.fields):
            return self._result(False, current, current)  # only spelled in another way
        if self.module.check_mode:
            return self._result(True, current, tried)
        _, now, _ = self.client.ask("PUT", self.path, body=wanted, headers=headers)
        return self._result(True, current, now)

    def _try(self, wanted, headers):
        """Asks the node what would come of it: it knows what is allowed, and how everything is spelled."""
        try:
            _, tried, _ = self.client.ask("PUT", self.path, body=wanted, headers=headers, query={"dry_run": "true"})
            return tried
        except Problem as problem:
            self._forgive(problem, ("invalid", "not_found", "conflict"))
            return wanted

    def _forgive(self, problem, codes):
        """Makes a warning of a problem that a task before this one would have solved, had it not been in check mode."""
        if not self.module.check_mode or problem.code not in codes:
            raise problem
        self.module.warn("%s could not be tried out, perhaps because of a task before it: %s" % (self.name, problem))

    def _absent(self, current, tag):
        if current is None:
            return self._result(False, None, None)
        query = {"dry_run": "true"} if self.module.check_mode else None
        try:
            self.client.ask("DELETE", self.path, headers={"If-Match": tag or "*"}, query=query)
        except Problem as problem:
            self._forgive(problem, ("in_use",))
        return self._result(True, current, None)

    def _result(self, changed, before, after):
        return {
            "changed": changed,
            "object": after,
            "diff": {
                "before_header": self.path, "after_header": self.path,
                "before": shown(before, self.fields), "after": shown(after, self.fields),
            },
        }


def run(module, work):
    """Does the work of a module, and says why it could not be done."""
    try:
        module.exit_json(**work())
    except Problem as problem:
        module.fail_json(**problem.result())
