"""An Open Data Contract Standard document as it is written: the keys Headgate reads, and no others.

Every key is one of the standard (v3.1.0, and what v3.2.0 adds and Headgate uses), so a contract is also valid for other
tools of the standard. A key that is missing here is refused, not ignored: a promise nobody keeps has no place in a
contract. What the keys lead to is in `loading` and `rules`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Scalar = str | int | float | bool
Text = Annotated[str, Field(pattern=r"\S")]
"""Text with something in it."""
Number = int | float


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CustomProperty(_Part):
    id: str | None = None
    property: Text
    value: Any
    description: str | None = None


class AuthoritativeDefinition(_Part):
    id: str | None = None
    url: Text
    type: Text
    description: str | None = None


class Description(_Part):
    purpose: str | None = None
    usage: str | None = None
    limitations: str | None = None
    authoritativeDefinitions: list[AuthoritativeDefinition] = []
    customProperties: list[CustomProperty] = []


class TeamMember(_Part):
    id: str | None = None
    username: Text
    name: str | None = None
    description: str | None = None
    role: str | None = None
    dateIn: str | None = None
    dateOut: str | None = None
    replacedByUsername: str | None = None
    tags: list[str] = []


class TeamDocument(_Part):
    id: str | None = None
    name: Text
    description: str | None = None
    members: list[TeamMember] = []
    tags: list[str] = []


class Role(_Part):
    id: str | None = None
    role: Text
    description: str | None = None
    access: str | None = None
    firstLevelApprovers: str | None = None
    secondLevelApprovers: str | None = None


class SupportChannel(_Part):
    id: str | None = None
    channel: Text
    url: str | None = None
    description: str | None = None
    tool: str | None = None
    scope: str | None = None
    invitationUrl: str | None = None


class Price(_Part):
    id: str | None = None
    priceAmount: Number | None = None
    priceCurrency: str | None = None
    priceUnit: str | None = None


class ServiceLevelProperty(_Part):
    id: str | None = None
    property: Text
    value: Scalar
    valueExt: Scalar | None = None
    unit: str | None = None
    element: str | None = None
    driver: str | None = None
    description: str | None = None
    scheduler: str | None = None
    schedule: str | None = None


class QualityArguments(_Part):
    validValues: list[Scalar] | None = None
    missingValues: list[Scalar | None] | None = None
    pattern: Text | None = None
    properties: list[str] | None = None


class Quality(_Part):
    """One rule. Exactly one of the operators says what its measured value is held against."""

    id: str | None = None
    name: Text | None = None
    description: str | None = None
    type: Literal["library", "sql", "text"] = "library"
    metric: Literal["nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"] | None = None
    arguments: QualityArguments | None = None
    query: Text | None = None
    mustBe: Scalar | None = None
    mustNotBe: Scalar | None = None
    mustBeGreaterThan: Number | None = None
    mustBeGreaterOrEqualTo: Number | None = None
    mustBeLessThan: Number | None = None
    mustBeLessOrEqualTo: Number | None = None
    mustBeBetween: list[Number] | None = None
    mustNotBeBetween: list[Number] | None = None
    unit: Literal["rows", "percent"] = "rows"
    severity: Literal["error", "warning"] = "error"
    dimension: (
        Literal["accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"] | None
    ) = None
    businessImpact: str | None = None
    tags: list[str] = []
    customProperties: list[CustomProperty] = []


class Relationship(_Part):
    """A foreign key. Within a property `from` is the property itself."""

    id: str | None = None
    type: Literal["foreignKey"] = "foreignKey"
    source: str | list[str] | None = Field(None, alias="from")
    to: str | list[str]


class TypeOptions(_Part):
    minimum: str | Number | None = None
    maximum: str | Number | None = None
    exclusiveMinimum: str | Number | None = None
    exclusiveMaximum: str | Number | None = None
    minLength: Annotated[int, Field(ge=0)] | None = None
    maxLength: Annotated[int, Field(ge=0)] | None = None
    pattern: Text | None = None
    format: Text | None = None
    timezone: bool | None = None


class EnumValue(_Part):
    """One allowed value (ODCS v3.2.0)."""

    id: str | None = None
    value: Scalar
    label: str | None = None
    description: str | None = None


class Property(_Part):
    """One column."""

    id: str | None = None
    name: Text
    physicalName: str | None = None
    logicalType: Literal["string", "date", "timestamp", "time", "number", "integer", "object", "array", "boolean"]
    physicalType: Text | None = None
    logicalTypeOptions: TypeOptions = TypeOptions()
    description: Text
    businessName: str | None = None
    required: bool = False
    unique: bool = False
    primaryKey: bool = False
    primaryKeyPosition: int | None = None
    partitioned: bool = False
    partitionKeyPosition: int | None = None
    classification: Text | None = None
    criticalDataElement: bool = False
    examples: list[Any] = []
    enum: list[EnumValue] | None = None
    relationships: list[Relationship] = []
    quality: list[Quality] = []
    tags: list[str] = []
    transformSourceObjects: list[str] = []
    transformLogic: str | None = None
    transformDescription: str | None = None
    authoritativeDefinitions: list[AuthoritativeDefinition] = []
    customProperties: list[CustomProperty] = []


class Table(_Part):
    """The one entry of `schema`."""

    id: str | None = None
    name: Text
    physicalName: str | None = None
    physicalType: Literal["table"] = "table"
    logicalType: Literal["object"] = "object"
    description: Text
    businessName: str | None = None
    dataGranularityDescription: str | None = None
    properties: Annotated[list[Property], Field(min_length=1)]
    relationships: list[Relationship] = []
    quality: list[Quality] = []
    tags: list[str] = []
    authoritativeDefinitions: list[AuthoritativeDefinition] = []
    customProperties: list[CustomProperty] = []


class Document(_Part):
    """The file."""

    apiVersion: Literal["v3.1.0", "v3.2.0"]
    kind: Literal["DataContract"]
    id: Text
    name: Text
    version: Text
    status: Literal["proposed", "draft", "active", "deprecated", "retired"]
    domain: str | None = None
    dataProduct: str | None = None
    tenant: str | None = None
    tags: list[str] = []
    description: Description = Description()
    tables: Annotated[list[Table], Field(min_length=1, max_length=1, alias="schema")]
    team: TeamDocument
    roles: list[Role] = []
    support: list[SupportChannel] = []
    slaProperties: list[ServiceLevelProperty] = []
    price: Price | None = None
    servers: list[dict[str, Any]] = []
    """Where the data is, for other tools. Headgate knows by itself."""
    authoritativeDefinitions: list[AuthoritativeDefinition] = []
    customProperties: list[CustomProperty] = []
    contractCreatedTs: str | None = None
