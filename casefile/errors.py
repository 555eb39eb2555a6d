"""Our exception tree. Every message says what is wrong, where, and how to mend it.

HuiyinError
  ConfigError          a settings, office, rule or policy file is wrong; the process does not start
  InputError           what somebody sent cannot be accepted as it is; nothing was stored
    TooLarge           over a size limit
    KeyReused          an idempotency key came again with other content
  NotFound             no such case, notice or link; also what a wrong secret gets
    LinkExpired        the link was good once: used up, revoked or out of date
  ForbiddenMove        a state change that the tables in `casefile.status` do not allow
  StaleClaim           a worker lost its lease and may not write any more (fenced)
  StorageUnavailable   database or disk cannot take what came in; nothing was accepted
  TransportError       one attempt to send failed; `permanent` and `in_doubt` say how
"""


class HuiyinError(Exception):
    """Base of all errors that Huiyin raises on purpose."""


class ConfigError(HuiyinError):
    """`where` is the file and key, `mend` what to do about it."""

    def __init__(self, where: str, what: str, mend: str) -> None:
        super().__init__(f"{where}: {what}. {mend}")
        self.where, self.what, self.mend = where, what, mend


class InputError(HuiyinError):
    """`fields` maps a field name to what is wrong with it."""

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}


class TooLarge(InputError):
    pass


class KeyReused(InputError):
    pass


class NotFound(HuiyinError):
    pass


class LinkExpired(NotFound):
    pass


class ForbiddenMove(HuiyinError):
    pass


class StaleClaim(HuiyinError):
    pass


class StorageUnavailable(HuiyinError):
    pass


class TransportError(HuiyinError):
    """`permanent`: trying again cannot help. `in_doubt`: the other side may have taken the message.

    `stage` is how far the conversation got (see `casefile.notice.Stage`).
    """

    def __init__(
        self, message: str, *, permanent: bool = False, in_doubt: bool = False, stage: str = "connect"
    ) -> None:
        super().__init__(message)
        self.permanent, self.in_doubt, self.stage = permanent, in_doubt, stage
