"""The Hub as a place to publish to, through its own client: one commit a group of files."""

import logging
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.publish.files import ReadyFile, There
from voxsmith.pipeline.publish.retry import TRIES, patiently

Reply = TypeVar("Reply")

SILENCE = 300.0  # seconds without a byte after which a connection counts as lost; the client itself waits for ever
_ADVICE = {
    401: "the Hub doesn't know this token; make a new one at https://huggingface.co/settings/tokens",
    403: "the token may not do this; it needs the right to write there: https://huggingface.co/settings/tokens",
}
_NO_TOKEN = """publishing to the Hub needs a token, and there is none. Make one that may write at
https://huggingface.co/settings/tokens, and either put it into the environment variable HF_TOKEN, or let the Hub's own
tool keep it: hf auth login"""

_NO_SUCH_TOKEN = (
    "the Hub's token has characters in it that none has (did the terminal or an editor add them when it was pasted?): "
    "copy it again from https://huggingface.co/settings/tokens"
)
_NO_XET = "; the endpoint doesn't speak Xet: HF_HUB_DISABLE_XET=1 in the environment sends files the older way"


def check_repo(repo: str) -> None:
    """Raises RecipeError where `repo` can't be the name of a repository of the Hub."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo, re.ASCII):
        raise RecipeError(f"--repo {repo}: write it as user/name or organisation/name")


def has_token() -> bool:
    """Whether the environment or the Hub's own store has a token. The Hub isn't asked whether it is valid."""
    from huggingface_hub import constants

    given = any(os.environ.get(name) for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"))
    return given or Path(constants.HF_TOKEN_PATH).is_file()


class HubRepo:
    """A dataset repository. `say` gets sentences for people about what is being waited for."""

    keeps_old = True

    def __init__(self, repo: str, private: bool, say: Callable[[str], None]) -> None:
        """Make the repository where there is none. Raises RunFailed with what to do: no token, no right, a public
        repository where a private one is wanted.
        """
        import huggingface_hub
        from huggingface_hub.utils.logging import set_verbosity
        from huggingface_hub.utils.tqdm import disable_progress_bars

        self._token = huggingface_hub.get_token()
        if self._token is None:
            raise RunFailed(_NO_TOKEN)
        if not re.fullmatch(r"[!-~]+", self._token):  # a client that can't send it would quote it
            raise RunFailed(_NO_SUCH_TOKEN)
        if huggingface_hub.constants.HF_HUB_OFFLINE:
            raise RunFailed("HF_HUB_OFFLINE is set, so the Hub can't be asked; unset it to publish")
        # The client logs addresses that carry signatures of their own, and would repeat what `say` gets.
        set_verbosity(logging.ERROR)
        if not sys.stderr.isatty():
            disable_progress_bars()
        huggingface_hub.set_client_factory(_client)
        self.repo = self.name = repo
        self._say = say
        self._api = huggingface_hub.HfApi(token=self._token)
        self._create(private)
        self.where = f"{self._api.endpoint}/datasets/{repo}"

    def load(self, split: str, files: str, form: str) -> str:
        return f'from datasets import load_dataset\n\nrow = load_dataset("{self.repo}", split="{split}")[0]'

    def listing(self) -> dict[str, There]:
        """The files that are there, with the sha256 of one in LFS and the git blob hash of a small one."""
        return self._asked("listing", self._list)

    def check(self, names: list[str], corpus: str) -> None:
        """See `Place.check`: a repository keeps what was there before."""

    def put(self, files: list[ReadyFile], gone: list[str], message: str) -> None:
        """Add these files and delete those, in one commit. It is idempotent: where a commit arrived and its reply got lost,
        the client finds the files there and leaves them out.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        if not files and not gone:
            return

        def commit() -> None:
            still = self._list() if gone else {}
            self._api.create_commit(
                self.repo,
                [
                    *(CommitOperationAdd(file.name, file.data) for file in files),
                    *(CommitOperationDelete(name, is_folder=False) for name in gone if name in still),
                ],
                commit_message=message,
                repo_type="dataset",
            )

        self._asked(message, commit)

    def _list(self) -> dict[str, There]:
        from huggingface_hub.hf_api import RepoFile

        entries = self._api.list_repo_tree(self.repo, recursive=True, repo_type="dataset")
        files = [entry for entry in entries if isinstance(entry, RepoFile)]
        return {file.path: There(file.size, file.lfs.sha256 if file.lfs else file.blob_id) for file in files}

    def _create(self, private: bool) -> None:
        def create() -> bool:
            self._api.create_repo(self.repo, repo_type="dataset", private=private or None, exist_ok=True)
            return bool(self._api.repo_info(self.repo, repo_type="dataset").private)

        is_private = self._asked(f"opening {self.repo}", create, tries=4)
        if private and not is_private:
            raise RunFailed(
                f"{self.repo} is there already, and public: nothing was sent. Make it private in its settings, "
                "name another, or leave out --private"
            )
        if is_private and not private:
            self._say(f"{self.repo} is private, and stays so")

    def _asked(self, what: str, call: Callable[[], Reply], tries: int = TRIES) -> Reply:
        from huggingface_hub.errors import HfHubHTTPError

        try:
            return patiently(what, call, self._say_safely, tries)
        except HfHubHTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            advice = _ADVICE.get(status, "")
            text = f"{what}: the Hub says: {_plain(error)}" + (f"; {advice}" if advice else "")
        except (OSError, RuntimeError, ValueError) as error:
            cause = error.__cause__ or error
            text = f"{what}: {_plain(error)}" + (f": {_plain(cause)}" if cause is not error else "")
            text += _NO_XET if "/xet-" in text else ""
        raise RunFailed(self._without_token(text))

    def _say_safely(self, text: str) -> None:
        self._say(self._without_token(text))

    def _without_token(self, text: str) -> str:
        return text.replace(self._token or "\0", "(token)")


def _plain(error: BaseException) -> str:
    """An error's text on one line, without the signatures that addresses of uploads carry."""
    return re.sub(r"\?\S+", "", " ".join(str(error).split()))


def _client() -> Any:
    from huggingface_hub.utils._http import default_client_factory

    client = default_client_factory()
    client.timeout = type(client.timeout)(SILENCE, connect=min(30.0, SILENCE))
    return client
