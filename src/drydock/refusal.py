"""The exception for a request that drydock refuses: a status, a code and a message."""


class Refusal(Exception):  # noqa: N818 - it becomes an answer and is not an error
    """The request is answered with this status; `code` and `message` are in Azure's words.

    `inner` are the codes of the service's nested inner errors, the outermost first; `detail` is the
    code of the answer's one detail, if it has one.
    """

    def __init__(
        self, status: int, code: str, message: str, *, inner: tuple[str, ...] = (), detail: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.inner = inner
        self.detail = detail


def not_found(kind: str, name: str) -> Refusal:
    """Return the refusal for a missing resource."""
    return Refusal(404, "NotFound", f"{kind} {name} was not found in this workspace.")


def bad_request(message: str, *, inner: tuple[str, ...] = ()) -> Refusal:
    """Return the refusal for an invalid request."""
    return Refusal(400, "UserError", message, inner=inner)


def not_served(message: str) -> Refusal:
    """Return the refusal of what the service would do and drydock does not."""
    return Refusal(501, "NotServedByDrydock", message)
