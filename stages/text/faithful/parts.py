"""What an instruction is made of, as written and as said."""

from typing import NamedTuple


class Parts(NamedTuple):
    """`written`: the instruction, context included; `task` as written; `task_said` and `material_said` in words."""

    written: str
    task: str
    task_said: str
    material_said: str

    @property
    def source(self) -> str:
        return f"{self.task_said}. {self.material_said}"
