-- Recency, frequency and value of each customer at $as_of, as one would write it by hand.
with days as (
    select contact_id, occurred_at::date as day, sum(amount) as money
    from transactions
    where occurred_at < $as_of
    group by all
    having max(amount) >= 0
),

totals as (
    select
        contact_id,
        count(*) as purchase_days,
        min(day) as first_day,
        max(day) as last_day,
        arg_min(money, day) as first_money,
        sum(money) filter (money > 0) as money,
        count(*) filter (money > 0) as positive_days
    from days
    group by contact_id
),

repeats as (
    select
        *,
        coalesce(money, 0) - greatest(first_money, 0) as repeat_money,
        positive_days - (first_money > 0)::int as repeat_days
    from totals
)

select
    contact_id,
    $as_of as as_of,
    (purchase_days - 1)::double as frequency,
    (last_day - first_day)::double as recency,
    greatest($as_of::date - first_day - 1, last_day - first_day)::double as T,
    case when repeat_days > 0 then repeat_money / repeat_days else 0 end as monetary_value,
    first_money as first_value,
    purchase_days::double as purchase_days
from repeats
