"""Group `executive`: the page. It holds no table; the link is in the metadata."""

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import ibis

from consumption_datamart.executive import queries
from consumption_datamart.executive.figures import Figures, make_figures
from consumption_datamart.executive.page import write_executive_page
from consumption_datamart.executive.provenance import PROMISING, read_quality
from headgate import asset
from headgate.contract import find_contract
from headgate.lake.session import LakeSession
from headgate.team import find_team

_AUTOMATION = "manual"  # the run of what was delivered makes everything, in order; eager would make it once more


@asset(group_name="executive", automation=_AUTOMATION, kinds={"plotly"})
def executive_page(
    context: dg.AssetExecutionContext,
    consumption_daily: ibis.Table,
    report_active_customers_by_product_daily: ibis.Table,
    renewal_risk: ibis.Table,
    dim_customer_daily: ibis.Table,
    invoice_order_lines: ibis.Table,
) -> dg.MaterializeResult[Any]:
    """What customers use of what they are entitled to, on a page for executives: over- and under-users, those who use without
    being entitled, renewal risk, active customers, and how good the data are."""
    figures = collect_figures(
        context.resources.lake.session,
        consumption_daily,
        report_active_customers_by_product_daily,
        renewal_risk,
        dim_customer_daily,
        invoice_order_lines,
    )
    page = write_executive_page(figures)
    counts: dict[str, Any] = {"day": str(figures.day or "none"), "customers": len(figures.customers)}
    return dg.MaterializeResult(metadata={**counts, **page.metadata()})


def collect_figures(
    session: LakeSession,
    consumption_daily: ibis.Table,
    report_active_customers_by_product_daily: ibis.Table,
    renewal_risk: ibis.Table,
    dim_customer_daily: ibis.Table,
    invoice_order_lines: ibis.Table,
) -> Figures:
    """All that the page shows, from the published tables and from what the lake knows of them."""
    folder = find_team(Path(__file__)).contracts_folder
    contracts = [contract for table in PROMISING if (contract := find_contract(folder, table))]
    newest = queries.newest_day(consumption_daily).to_pyarrow()["day"][0].as_py()
    if newest is None:
        return Figures(quality=read_quality(session, contracts, date.min))
    first = queries.window_start(newest)
    return make_figures(
        queries.fetch(queries.consumption_window(consumption_daily, first)),
        queries.fetch(queries.product_window(report_active_customers_by_product_daily, first)),
        queries.fetch(queries.risk_window(renewal_risk, first)),
        queries.fetch(queries.customer_names(dim_customer_daily, first)),
        queries.fetch(queries.doubtful_lines(invoice_order_lines)),
        read_quality(session, contracts, first),
    )
