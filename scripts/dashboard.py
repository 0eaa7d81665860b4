"""Checks a Grafana dashboard.

    dashboard.py schema FILE     by the types of Grafana's own SDK (grafana-foundation-sdk)
    dashboard.py queries FILE    prints its queries as rules, which `promtool check rules` parses
"""

import json
import sys


def queries(dashboard):
    """Yields the query of every panel and annotation, with a value for its variable."""
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["expr"]


# Grafana 10 knows these members, and the types of the SDK do not.
BEYOND_SDK = {"definition", "titleFormat", "textFormat"}


def lost(before, after, path=""):
    """Yields what is not as it was after it went through the types: members that they do not know, and other values."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            if name in after:
                yield from lost(value, after[name], f"{path}/{name}")
            elif name not in BEYOND_SDK:
                yield f"{path}/{name}: no such member"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for at, (one, other) in enumerate(zip(before, after)):
            yield from lost(one, other, f"{path}/{at}")
    elif before != after:
        yield f"{path}: {before!r} became {after!r}"


def main():
    act, name = sys.argv[1:]
    with open(name, encoding="utf-8") as file:
        dashboard = json.load(file)
    if act == "queries":
        rules = [
            {"record": f"query:{at}", "expr": query.replace("$network", "secure")}
            for at, query in enumerate(queries(dashboard))
        ]
        # JSON is YAML as well.
        json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, sys.stdout)
        return 0
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    typed = json.loads(json.dumps(Dashboard.from_json(dashboard), cls=JSONEncoder))
    faults = list(lost(dashboard, typed))
    for fault in faults:
        print(f"{name}{fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
