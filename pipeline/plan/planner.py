"""What would run, why and how much: exact down to the first stale stage, "at most" below it."""

from typing import Any

from pipeline.plan import manifests
from pipeline.plan.state import WHOLE, State


def make_plan(state: State, selected: set[str]) -> list[dict[str, Any]]:
    """For each stage: name, shards, to_run, at_most, reused, rows_to_run, reason."""
    before = manifests.last_run(state.store, state.graph.recipe.name)
    plan = []
    for node in state.graph.nodes.values():
        whole = node.stage.each == "recipe"
        shards = [WHOLE] if whole else list(range(len(state.shards)))
        chosen = node.name in selected
        ready = [state.ready[node.name, n] for n in shards if (node.name, n) in state.ready] if chosen else []
        done = [n for n in shards if (node.name, n) in state.done]
        unknown = [n for n in shards if (node.name, n) not in state.done and (node.name, n) not in state.ready]
        at_most = len(ready) + (len(unknown) if chosen else 0)
        rows = [task.rows for task in ready] + [state.shards[n].rows for n in unknown if chosen and n != WHOLE]
        reason = manifests.reason(state, ready[0], before) if ready else "waits for stages above" if at_most else ""
        plan.append(
            {
                "name": node.name,
                "shards": len(shards),
                "to_run": len(ready),
                "at_most": at_most,
                "reused": len(done),
                "rows_to_run": sum(rows),
                "reason": reason,
            }
        )
    return plan


def print_plan(plan: list[dict[str, Any]]) -> None:
    """The plan as a table; one line where there is nothing to do."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not any(row["at_most"] for row in plan):
        console.print("nothing to do: every stage is up to date")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("stage")
    for name in ("shards", "to run", "reused", "rows"):
        table.add_column(name, justify="right")
    table.add_column("why")
    for row in plan:
        unsure = row["at_most"] > row["to_run"]
        count = f"<= {row['at_most']}" if unsure else str(row["to_run"])
        rows = f"<= {row['rows_to_run']}" if unsure else str(row["rows_to_run"])
        style = None if row["at_most"] else "dim"
        table.add_row(row["name"], str(row["shards"]), count, str(row["reused"]), rows, row["reason"], style=style)
    console.print(table)
