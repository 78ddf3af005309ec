"""Holds each module's documentation against its arguments: documented.py COLLECTIONS-PATH. Prints what is wrong."""

import ast
import importlib
import pathlib
import sys

import yaml
from ansible.module_utils import basic

root = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(root))
PACKAGE = "ansible_collections.fcredirect.appliance.plugins"
folder = root.joinpath(*PACKAGE.split("."))


class Declared(Exception):
    """Carries the arguments that a module declares."""


class Module:
    """Stands in for AnsibleModule."""

    def __init__(self, argument_spec, supports_check_mode=False, **_):
        if not supports_check_mode:
            print("a module has no check mode")
        raise Declared(argument_spec)


def compare(where, options, arguments):
    """Compares options as documented with arguments as declared."""
    for name in sorted(set(options) ^ set(arguments)):
        print("%s: %s is %s only" % (where, name, "documented" if name in options else "declared"))
    for name in sorted(set(options) & set(arguments)):
        doc, arg = options[name], arguments[name]
        for key, usual in (("type", "str"), ("required", False), ("choices", None), ("default", None), ("elements", None)):
            if doc.get(key, usual) != arg.get(key, usual):
                print("%s: %s: %s is documented as %s, declared as %s" % (where, name, key, doc.get(key), arg.get(key)))
        compare("%s: %s" % (where, name), doc.get("suboptions", {}), arg.get("options", {}))


def unused(tree):
    """Gives the names that a file imports and does not use."""
    names = {a.asname or a.name for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom)) for a in n.names}
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    return {n for n in names if n.split(".")[0] not in used and n != "annotations"}


fragment = importlib.import_module(PACKAGE + ".doc_fragments.appliance").ModuleDocFragment.DOCUMENTATION
connection = yaml.safe_load(fragment)["options"]

for path in sorted(folder.rglob("*.py")):
    text = path.read_text()
    tree = ast.parse(text)
    if not ast.get_docstring(tree):
        print("%s says nothing about itself" % path.name)
    for name in sorted(unused(tree)):
        print("%s imports %s for nothing" % (path.name, name))
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > 160 or line != line.rstrip() or "\t" in line:
            print("%s:%d: too long, a tab, or space at its end" % (path.name, number))

for path in sorted((folder / "modules").glob("*.py")):
    module = importlib.import_module("%s.modules.%s" % (PACKAGE, path.stem))
    doc = yaml.safe_load(module.DOCUMENTATION)
    yaml.safe_load(module.EXAMPLES)
    yaml.safe_load(module.RETURN)
    if doc["module"] != path.stem or not doc["short_description"]:
        print("%s: documented as %s" % (path.stem, doc["module"]))
    for where in (module, sys.modules.get(PACKAGE + ".module_utils.info"), basic):
        if hasattr(where, "AnsibleModule"):
            where.AnsibleModule = Module
    try:
        module.main()
        print("%s does not make a module" % path.stem)
    except Declared as declared:
        compare(path.stem, dict(connection, **doc["options"]), declared.args[0])
