"""Submitting command lines to a cluster, as `ray job submit` does."""

import sys
import time
from typing import Any

from tests.helpers.recipes import ROOT, TOY_PATH


class Job:
    """A command line of ours, submitted with this checkout as its working folder."""

    def __init__(self, cluster: Any, *arguments: str) -> None:
        from ray.job_submission import JobSubmissionClient

        self.client = JobSubmissionClient(f"http://{cluster.head_node.webui_url}")
        command, end = f"{sys.executable} -m pipeline {' '.join(arguments)}", time.monotonic() + 180
        working = {"working_dir": str(ROOT), "env_vars": {"PYTHONPATH": TOY_PATH}}
        while True:
            try:
                self.name = self.client.submit_job(entrypoint=command, runtime_env=working)
                return
            except RuntimeError as error:  # the head's agent takes some seconds to start, more on a busy machine
                assert "No available agent" in str(error) and time.monotonic() < end, error
                time.sleep(1)

    @property
    def ended(self) -> bool:
        return bool(self.client.get_job_status(self.name).is_terminal())

    def wait(self, seconds: float) -> tuple[bool, str]:
        """Whether it succeeded, and what it printed."""
        end = time.monotonic() + seconds
        while not self.ended and time.monotonic() < end:
            time.sleep(0.3)
        return self.client.get_job_status(self.name).value == "SUCCEEDED", self.client.get_job_logs(self.name)
