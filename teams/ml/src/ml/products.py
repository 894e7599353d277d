"""What is known about a product, from analytics' product performance. Ibis expressions; nothing here learns."""

import ibis

from feature_helpers import one_hot, percentile_rank

CATEGORIES = ("Audio", "Books", "Cycling", "Garden", "Kitchen", "Office", "Outdoor", "Toys")
"""ACME's categories when this was written, one column each; a category added since is counted in `category_other`
until it gets a column here and in the contract."""


def build_product_features(performance: ibis.Table) -> ibis.Table:
    """One row a product of `analytics.product_performance`.

    Percentiles are percent ranks among all products, 0 the lowest and 1 the highest; null where the value is null.
    The performance tier is by the mean of the percentiles that exist: from 2/3 `top`, from 1/3 `middle`, else `low`.
    """
    features = performance.select(
        "product",
        "category",
        total_orders=performance.total_orders.cast("int64"),
        units_sold=performance.units_sold.cast("int64"),
        revenue=performance.revenue,
        profit=performance.profit,
        revenue_per_order=(performance.revenue / performance.total_orders.nullif(0)).cast("decimal(18, 2)"),
        units_per_order=performance.units_sold.cast("float64") / performance.total_orders.nullif(0),
        **one_hot(performance.category, CATEGORIES, prefix="category"),
    )
    ranked = features.mutate(
        revenue_percentile=percentile_rank(features.revenue),
        units_percentile=percentile_rank(features.units_sold),
        profit_percentile=percentile_rank(features.profit),
    )
    known = [ranked.revenue_percentile, ranked.units_percentile, ranked.profit_percentile]
    total = sum((value.fill_null(0.0) for value in known), ibis.literal(0.0))
    count = sum((value.notnull().cast("int64") for value in known), ibis.literal(0))
    mean = total / count.nullif(0)
    return ranked.mutate(performance_tier=ibis.cases((mean >= 2 / 3, "top"), (mean >= 1 / 3, "middle"), else_="low"))
