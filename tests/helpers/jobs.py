"""Submitting command lines to a cluster, as `ray job submit` does."""

import sys
from pathlib import Path
from typing import Any

from tests.helpers.paths import ROOT
from tests.helpers.recipes import TOY_PATH
from tests.helpers.waiting import LONGEST, wait_for


class Job:
    """A command line of ours, submitted with its working folder, this checkout; `path` is its PYTHONPATH."""

    def __init__(
        self,
        cluster: Any,
        *arguments: str,
        command: str = f"{sys.executable} -m voxsmith",
        folder: Path = ROOT,
        path: str = TOY_PATH,
    ) -> None:
        from ray.job_submission import JobSubmissionClient

        self.client = JobSubmissionClient(f"http://{cluster.head_node.webui_url}")
        working = {"working_dir": str(folder), "env_vars": {"PYTHONPATH": path}}

        def submit() -> str | None:
            try:
                name: str = self.client.submit_job(entrypoint=f"{command} {' '.join(arguments)}", runtime_env=working)
                return name
            except RuntimeError as error:  # the head's agent takes some seconds to start, more on a busy machine
                assert "No available agent" in str(error), error
                return None

        self.name = wait_for(submit, "an agent that takes the job")

    @property
    def ended(self) -> bool:
        return bool(self.client.get_job_status(self.name).is_terminal())

    def wait(self, seconds: float = LONGEST) -> tuple[bool, str]:
        """Whether it succeeded, and what it printed, once it has ended."""
        wait_for(lambda: self.ended, "the end of the submitted job", seconds=seconds)
        return self.client.get_job_status(self.name).value == "SUCCEEDED", self.logs

    @property
    def logs(self) -> str:
        """What it has printed so far."""
        return str(self.client.get_job_logs(self.name))
