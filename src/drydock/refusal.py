"""The one exception inside a request: it becomes an answer with a status, a code and a message."""


class Refusal(Exception):  # noqa: N818 - it is an answer, and no error of drydock
    """The request is answered by this status; `code` and `message` are Azure's own words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def not_found(kind: str, name: str) -> Refusal:
    """Return the refusal for something that is not there."""
    return Refusal(404, "NotFound", f"{kind} {name} was not found in this workspace.")


def bad_request(message: str) -> Refusal:
    """Return the refusal for a request that makes no sense."""
    return Refusal(400, "UserError", message)
