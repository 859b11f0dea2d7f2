"""Asking a server that speaks the OpenAI protocol for judgements, through the `openai` client.

A server may be down, hang, lie, or send without end: replies are bounded in bytes and time, faults that may pass are tried
again, and what comes of it is a judgement or a line that says why there is none. The key comes from the environment, and
is in no message.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from voxsmith.models.loading import one_line
from voxsmith.models.openai_protocol import Reply, Unreadable, complaint, read
from voxsmith.schemas.retry_after import seconds_to_wait

_LARGEST = 2**20  # bytes of a reply
_LONGEST_PAUSE = 60.0  # seconds; a server that asks for more is given up
_PASSES = {408, 409, 425, 429}  # statuses that may pass, and all from 500 on
_ALL_ALIKE = {401, 403, 404}  # statuses that the next request would get, too
_TOO_MANY = 5  # requests in a row that failed for good: the server isn't asked any more
T = TypeVar("T")
Messages = list[dict[str, str]]


class BadServer(Exception):
    """The server can't be asked as it is named; the message says why and what to do."""


class NoReply(Exception):
    """There is no judgement; the message says why. `passes`: another try may succeed; `alike`: no other request would. `pause`:
    seconds that the server asks to be left alone.
    """

    def __init__(self, why: str, passes: bool = False, alike: bool = False, pause: float = 0.0) -> None:
        super().__init__(why)
        self.passes, self.alike, self.pause = passes, alike, pause


@dataclass(frozen=True)
class Server:
    """`extra`: more fields of each request's body, null leaves one out; `timeout`: seconds that a reply may take; `retries`:
    tries after the first; `backoff`: seconds before the second try, twice as long before each other.
    """

    base_url: str
    model: str
    key: str = field(default="", repr=False)
    extra: dict[str, Any] = field(default_factory=dict)
    timeout: float = 120.0
    retries: int = 3
    backoff: float = 1.0
    at_once: int = 8


def key_from(variable: str) -> str:
    """The key in this environment variable, empty where it isn't set. Raises BadServer, without the key."""
    key = os.environ.get(variable, "").strip()
    if not (key.isascii() and key.isprintable()):  # the library's error would hold the key
        raise BadServer(f"the environment variable {variable} holds no key: it has signs that no key has")
    return key


def ask(server: Server, questions: Sequence[Messages], parse: Callable[[str], T]) -> list[T | NoReply]:
    """What `parse` makes of the reply to each conversation, in order. `parse` raises Unreadable for what it can't take: then
    the server is asked again.
    """
    return asyncio.run(_ask_all(server, questions, parse))


async def _ask_all(server: Server, questions: Sequence[Messages], parse: Callable[[str], T]) -> list[T | NoReply]:
    import openai

    from voxsmith.models.bounded_http import BoundedClient

    client = openai.AsyncOpenAI(
        base_url=server.base_url,
        api_key=server.key or "none",
        max_retries=0,
        timeout=server.timeout,
        default_headers={"Accept-Encoding": "identity"},
        http_client=BoundedClient(),
    )
    async with client:
        asker = _Asker(server, client)
        return await asyncio.gather(*(asker.insist(question, parse) for question in questions))


class _Asker:
    def __init__(self, server: Server, client: Any) -> None:
        self._server, self._client = server, client
        self._places = asyncio.Semaphore(server.at_once)
        self._failed_in_a_row = 0
        self._given_up = ""  # why

    async def insist(self, question: Messages, parse: Callable[[str], T]) -> T | NoReply:
        async with self._places:
            for tries in range(self._server.retries + 1):
                if self._given_up:
                    return NoReply(f"not asked: {self._given_up}")
                try:
                    judgement = parse(await self._reply(question))
                except Unreadable as error:
                    failure = NoReply(f"a reply that is no judgement: {self._quote(str(error))}", passes=True)
                except NoReply as error:
                    failure = error
                else:
                    self._failed_in_a_row = 0
                    return judgement
                if not failure.passes or failure.pause > _LONGEST_PAUSE:
                    break
                if tries < self._server.retries:
                    await asyncio.sleep(max(failure.pause, self._server.backoff * 2**tries))
            self._failed_in_a_row += 1
            if failure.alike or self._failed_in_a_row == _TOO_MANY:
                self._given_up = str(failure)
            return failure

    async def _reply(self, question: Messages) -> str:
        """The text of a reply. Raises NoReply, and Unreadable for what is no reply of the protocol."""
        import openai

        from voxsmith.models.bounded_http import MOST, BadBody

        server = self._server
        body: dict[str, Any] = {"model": server.model, "messages": question, **server.extra}
        body = {name: value for name, value in body.items() if value is not None}
        subject = {name: body.pop(name, None) for name in ("model", "messages")}
        MOST.set(_LARGEST)
        try:
            async with asyncio.timeout(server.timeout):
                create = self._client.chat.completions.with_raw_response.create
                response = (await create(**subject, extra_body=body)).http_response
        except openai.APIStatusError as error:
            raise self._status(error.response) from None
        except (TimeoutError, openai.APITimeoutError):
            raise NoReply(f"no reply within {server.timeout:g} s", passes=True) from None
        except (BadBody, openai.APIConnectionError) as error:
            cause = error if isinstance(error, BadBody) else error.__cause__ or error
            raise NoReply(f"no whole reply: {self._quote(one_line(cause))}", passes=True) from None
        except Exception as error:  # of as many kinds as there are libraries below
            raise NoReply(f"no reply: {self._quote(one_line(error))}", passes=True) from None
        choice = read(Reply, bytes(response.content)).choices[0]
        if choice.refusal or choice.finish_reason == "content_filter":
            raise NoReply(f"the judge refused: {self._quote(choice.refusal or 'its filter cut the reply')}")
        return choice.said or ""

    def _status(self, response: Any) -> NoReply:
        status, said = response.status_code, self._quote(complaint(bytes(response.content)).message)
        why = f"status {status}" + (f": {said}" if said else "")
        if status in (401, 403):
            why += "; the key is " + ("set, but not taken" if self._server.key else "not set")
        pause = seconds_to_wait(response.headers.get("retry-after")) or 0.0
        return NoReply(why, status in _PASSES or status >= 500, status in _ALL_ALIKE, pause)

    def _quote(self, text: str) -> str:
        """What was said: its start, in one line, without the key, which some servers repeat."""
        text = text.replace(self._server.key, "***") if self._server.key else text
        return " ".join(text[:5000].split())[:300]
