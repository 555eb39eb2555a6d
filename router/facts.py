"""What routing looks at."""

from collections.abc import Mapping

from pydantic import BaseModel, Field, ValidationError

from casefile.complaint import Complaint
from casefile.envelope import Channel
from casefile.errors import InputError
from casefile.model import Record
from router.words import Folded, fold


class Facts(Record):
    channel: Channel
    subject: str = ""
    text: str = ""
    product: str | None = None
    branch: str | None = None
    region: str | None = None

    @property
    def words(self) -> Folded:
        return fold(f"{self.subject}\n{self.text}")

    @classmethod
    def of(cls, complaint: Complaint) -> "Facts":
        return cls(**complaint.model_dump(include=set(cls.model_fields)))

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> "Facts":
        """From a complaint or an envelope in its JSON form. Raises InputError that names the wrong fields."""
        try:
            return _Document.model_validate(document).facts()
        except ValidationError as error:
            wrong = {".".join(map(str, e["loc"])): e["msg"] for e in error.errors()}
            listed = "; ".join(f"{name}: {message}" for name, message in wrong.items())
            mend = "Give a complaint, or a line that `huiyin normalize` prints"
            raise InputError(f"neither a complaint nor an envelope ({listed}). {mend}", wrong) from error


class _Document(BaseModel):
    """The parts that complaint and envelope share, and where each of them keeps the rest."""

    channel: Channel
    subject: str = ""
    text: str = ""
    full_text: str = ""
    product: str | None = None
    branch: str | None = None
    region: str | None = None
    fields: dict[str, str] = Field(default_factory=dict)

    def facts(self) -> Facts:
        return Facts(
            channel=self.channel,
            subject=self.subject,
            text=self.text or self.full_text,
            product=self.product or self.fields.get("product"),
            branch=self.branch or self.fields.get("branch"),
            region=self.region or self.fields.get("region"),
        )
