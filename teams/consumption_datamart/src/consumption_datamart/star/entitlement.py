"""`subscription_terms` and `fact_entitlement_daily`: what a customer may use on a day, from the invoice lines that have arrived.

1. A line entitles to its quantity on each day from start_date up to, without, the same day `term_months` later, or that
   month's last day. A line without `term_months` has no end.
2. Overlapping subscriptions add up.
3. An upgrade replaces: the line it names ends on the upgrade's start_date.
4. A credit entitles to nothing, and ends the line it names on its own start_date.
"""

import ibis
import ibis.expr.types as ir

from consumption_datamart.star.rows import is_clean

ENDING = ("upgrade", "credit")
"""Lines of these types end the line that they name."""


def read_terms(lines: ir.Table) -> ir.Table:
    """The terms that invoice lines sell, as sold; what ends them early is another step, since it may arrive another day.

    Args:
        lines: `invoice_order_lines`. Doubtful ones are left out, which those of SKUs without vCPU are as well.

    Returns:
        The columns of `subscription_terms` without `ended_on` and `valid_until`.
    """
    clean = lines.filter(is_clean(lines))
    return clean.select(
        "invoice_id",
        line_number=clean.line_number.cast("int64"),
        invoiced_on=clean.day,
        customer_id=clean.customer_id,
        product=clean.product,
        sku=clean.sku,
        line_type=clean.line_type,
        quantity_vcpu=clean.quantity,
        starts_on=clean.start_date,
        ends_on=add_months(clean.start_date, clean.term_months),
        replaces=clean.replaces,
    )


def end_terms(terms: ir.Table) -> ir.Table:
    """All terms, each with the day on which an upgrade or a credit ended it, if one did.

    Args:
        terms: what `read_terms` made, of all lines that have arrived. Of a line that is in several dumps the oldest counts.

    Returns:
        The columns of `subscription_terms`: with `ended_on` and `valid_until`.
    """
    oldest = ibis.window(
        group_by=["invoice_id", "line_number"], order_by=["invoiced_on", "starts_on", "quantity_vcpu", "customer_id"]
    )
    terms = terms.mutate(_number=ibis.row_number().over(oldest))
    terms = terms.filter(terms["_number"] == 0).drop("_number")
    endings = terms.filter(terms.line_type.isin(ENDING), terms.replaces.notnull())
    first = endings.group_by(_ended=endings.replaces).agg(ended_on=endings.starts_on.min())
    named = terms.mutate(_line=terms.invoice_id + "/" + terms.line_number.cast("string"))
    joined = named.left_join(first, named["_line"] == first["_ended"])
    until = ibis.ifelse(
        joined.ended_on.isnull() | (joined.ends_on < joined.ended_on),
        joined.ends_on,
        joined.ended_on,
    )
    return joined.mutate(valid_until=until).select(*terms.columns, "ended_on", "valid_until")


def entitlement_by_day(terms: ir.Table, days: ir.Table) -> ir.Table:
    """What customers may use on each of some days.

    Args:
        terms: what `end_terms` made, of all lines that have arrived.
        days: `day`, distinct.

    Returns:
        A row a day, customer and product with an entitlement: `day`, `customer_id`, `product`, `entitled_vcpu`, `subscriptions`,
        `next_end_on`, `last_end_on`.
    """
    sold = terms.filter(terms.line_type != "credit")
    spine = days.select("day")
    in_force = spine.join(
        sold,
        [sold.starts_on <= spine.day, sold.valid_until.isnull() | (sold.valid_until > spine.day)],
    )
    summed = in_force.group_by("day", "customer_id", "product").agg(
        entitled_vcpu=in_force.quantity_vcpu.sum().cast("decimal(18, 3)"),
        subscriptions=in_force.count(),
        next_end_on=in_force.valid_until.min(),
        _last=in_force.valid_until.max(),
        _endless=in_force.count(where=in_force.valid_until.isnull()),
    )
    summed = summed.mutate(last_end_on=ibis.ifelse(summed["_endless"] > 0, ibis.null("date"), summed["_last"]))
    return summed.filter(summed.entitled_vcpu > 0).drop("_last", "_endless")


def add_months(day: ir.DateValue, months: ir.IntegerValue) -> ir.DateValue:
    """The same day of the month so many months later, or that month's last day. Null months give null.

    From parts of dates: no engine agrees with another on adding a column of intervals.
    """
    first = _first_of(day, months)
    length = _first_of(day, months + 1).delta(first, unit="day").cast("int64")
    return ibis.date(
        first.year().cast("int64"), first.month().cast("int64"), ibis.least(day.day().cast("int64"), length)
    )


def _first_of(day: ir.DateValue, months: ir.IntegerValue) -> ir.DateValue:
    number = day.year().cast("int64") * 12 + day.month() - 1 + months.cast("int64")
    return ibis.date((number // 12).cast("int64"), (number % 12 + 1).cast("int64"), ibis.literal(1, type="int64"))
