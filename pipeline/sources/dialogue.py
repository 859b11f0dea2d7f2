"""What the user says in a dialogue, turn by turn, in the forms in which dialogues are published."""

from typing import Any

from voxsmith.pipeline.sources.record.values import Unfit

# Fields that hold a dialogue: OpenAI's and the Hub's, ShareGPT's, UltraChat's.
FIELDS = ("messages", "conversations", "conversation", "data")
_ROLE, _TEXT = ("role", "from"), ("content", "value", "text")
_USER = {"user", "human", "prompter"}
_ASSISTANT = {"assistant", "gpt", "ai", "bot", "chatgpt", "model", "bard", "bing", "chatbot"}
_ASIDE = {"system", "developer", "tool", "function", "function_call", "observation"}  # nobody says these


def user_texts(record: dict[str, Any]) -> list[Any]:
    """The user's messages, as they are written; one that isn't a text is for the caller to reject.

    A dialogue is a list of messages ({role, content} or {from, value}), an object of two lists (role, content), or a list
    of texts whose first is the user's. Raises Unfit where the record holds none, or the user doesn't begin.
    """
    there = [name for name in FIELDS if record.get(name) is not None]
    for name in there:
        dialogue = record[name]
        if isinstance(dialogue, dict):
            dialogue = _in_rows(name, dialogue)
        if not isinstance(dialogue, list):
            continue
        if all(not isinstance(message, dict) for message in dialogue):
            return _alternating(name, dialogue)
        if not all(isinstance(message, dict) for message in dialogue):
            raise Unfit("missing_field", f"'{name}' is not a list of {{role, content}}")
        return _asked(name, dialogue)
    fields = ", ".join(map(str, record)) or "no field"
    raise Unfit("missing_field", f"no dialogue is there as {', '.join(FIELDS[:-1])} or {FIELDS[-1]}, but {fields}")


def _in_rows(name: str, columns: dict[str, Any]) -> Any:
    """{role: […], content: […]} as a list of messages."""
    roles = next((columns[key] for key in _ROLE if key in columns), None)
    texts = next((columns[key] for key in _TEXT if key in columns), None)
    if not isinstance(roles, list) or not isinstance(texts, list):
        return None
    if len(roles) != len(texts):
        raise Unfit("bad_dialogue", f"'{name}' has {len(roles)} roles and {len(texts)} texts")
    return [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]


def _alternating(name: str, texts: list[Any]) -> list[Any]:
    if name == "messages" and texts:
        raise Unfit("missing_field", "'messages' is not a list of {role, content}")
    return texts[::2]


def _asked(name: str, messages: list[dict[str, Any]]) -> list[Any]:
    said = [(_role(name, message), message) for message in messages]
    spoken = [(role, message) for role, message in said if role != "aside"]
    if spoken and spoken[0][0] != "user":
        first = next(spoken[0][1][key] for key in _ROLE if key in spoken[0][1])
        raise Unfit("bad_dialogue", f"the first message is not the user's but of the role {first!r}")
    return [_text(name, message) for role, message in spoken if role == "user"]


def _role(name: str, message: dict[str, Any]) -> str:
    role = next((message[key] for key in _ROLE if key in message), None)
    if role is None:
        raise Unfit("missing_field", f"a message of '{name}' has no field 'role' or 'from', but {', '.join(message)}")
    called = str(role).strip().lower()
    for names, kind in ((_USER, "user"), (_ASSISTANT, "assistant"), (_ASIDE, "aside")):
        if called in names:
            return kind
    known = ", ".join(sorted(_USER | _ASSISTANT | _ASIDE))
    raise Unfit("bad_dialogue", f"who is {role!r}? Roles that are known: {known}")


def _text(name: str, message: dict[str, Any]) -> Any:
    """The message's content; parts of it that are texts are joined."""
    content = next((message[key] for key in _TEXT if key in message), None)
    if not isinstance(content, list):
        return content
    texts = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            texts.append(part["text"])
        else:
            kind = part.get("type", "none") if isinstance(part, dict) else type(part).__name__
            raise Unfit("missing_field", f"a message of '{name}' has a part that is no text but of the type {kind!r}")
    return "\n".join(texts)
