"""The typed lake tables: where each one's rows come from, and which registers tell what is doubtful in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from consumption_datamart.ingestion.drops import INVOICES, MASTER_DATA, TELEMETRY_X, TELEMETRY_Y


@dataclass(frozen=True)
class LakeTable:
    """A table, published by day.

    Args:
        name: its own.
        description: of its asset.
        sources: the sources whose deliveries make a day → SQL that is true for the rows of each.
        stem: what its files are called.
        unique: the column that a day's delivery must not repeat and not lack, of a register.
        registers: tables without which its rows cannot be judged → the column that they know.
    """

    name: str
    description: str
    sources: Mapping[str, str]
    stem: str
    unique: str = ""
    registers: Mapping[str, str] = field(default_factory=dict)


LINES = LakeTable(
    "invoice_order_lines",
    "Lines of the invoices dumped on each day, in both layouts; doubtful ones marked.",
    {INVOICES: "true"},
    "invoice_order_lines",
    registers={"customer_register": "customer_id", "sku_register": "sku"},
)
HEARTBEATS = LakeTable(
    "cloud_deployment_heartbeats",
    "Telemetry of Products X and Y, united in vCPU, 10^9 bytes and UTC; doubtful beats marked.",
    {TELEMETRY_X: "product = 'X'", TELEMETRY_Y: "product = 'Y'"},
    "heartbeats",
    registers={"customer_register": "customer_id", "deployment_register": "deployment_id"},
)
CUSTOMERS = LakeTable(
    "customer_register",
    "Customers as the register has them at the end of each day, whole.",
    {MASTER_DATA: "true"},
    "customers",
    unique="customer_id",
)
SKUS = LakeTable(
    "sku_register",
    "SKUs and their prices as the register has them at the end of each day, whole.",
    {MASTER_DATA: "true"},
    "skus",
    unique="sku",
)
DEPLOYMENTS = LakeTable(
    "deployment_register",
    "Deployments as the register has them at the end of each day, whole.",
    {MASTER_DATA: "true"},
    "deployments",
    unique="deployment_id",
)

TABLES = (CUSTOMERS, SKUS, DEPLOYMENTS, LINES, HEARTBEATS)
