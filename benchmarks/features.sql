-- The columns of funnelcast.features.build for one midnight, $as_of, as one would write them by hand: the yardstick of feature_set.py.
with touches as not materialized (
    select
        contact_id,
        $as_of::date - occurred_at::date - 1 as age,
        kind,
        kind not in ('nps', 'csat', 'ces') as touch,
        channel in ('store', 'phone', 'event') as offline,
        duration_minutes as minutes,
        score,
        round(10000 * (1 + coalesce(duration_minutes, 0) / 60) * case kind
            when 'email_open' then 1
            when 'email_click' then 2
            when 'visit' then 2
            when 'download' then 5
            when 'call' then 10
            when 'webinar' then 10
            when 'event' then 15
            when 'meeting' then 20
            when 'store_visit' then 20
            when 'quote_request' then 30
            else 0
        end) as points
    from touchpoints
    where occurred_at < $as_of
),

bought as not materialized (
    select
        contact_id,
        $as_of::date - occurred_at::date - 1 as age,
        amount,
        margin,
        channel in ('store', 'phone', 'event') as offline
    from transactions
    where occurred_at < $as_of
),

purchase_days as (
    select
        contact_id,
        age,
        count(*) filter (amount >= 0) as purchases,
        count(*) filter (amount < 0) as refunds,
        count(*) filter (amount >= 0 and offline) as offline,
        count(*) filter (amount >= 0 and not offline) as online,
        sum(amount) as amount,
        sum(margin) as margin
    from bought
    group by contact_id, age
),

purchases as materialized (
    select
        contact_id,
        min(age) filter (purchases > 0) as latest,
        max(age) filter (purchases > 0) as first,
        count(*) filter (purchases > 0 and age < 30) as days_30d,
        count(*) filter (purchases > 0 and age < 90) as days_90d,
        count(*) filter (purchases > 0 and age < 365) as days_365d,
        count(*) filter (purchases > 0) as days,
        sum(amount) filter (age < 30) as spend_30d,
        sum(amount) filter (age < 90) as spend_90d,
        sum(amount) filter (age < 365) as spend_365d,
        sum(amount) as spend,
        sum(refunds) filter (age < 365) as refunds_365d,
        sum(margin) filter (age < 365) as margin_365d,
        sum(offline) filter (age < 365) as offline_365d,
        sum(purchases) filter (age < 365) as purchases_365d,
        min(age) filter (offline > 0) as latest_offline,
        min(age) filter (online > 0) as latest_online
    from purchase_days
    group by contact_id
),

counts as (
    select
        contact_id,
        count(*) filter (touch and age < 30) as touches_30d,
        count(*) filter (touch and age < 90) as touches_90d,
        count(*) filter (touch and age < 365) as touches_365d,
        (count(*) filter (touch) + 1) * 30 / (max(age) + 30) as per_month,
        count(*) filter (offline and age < 365) as offline_365d,
        sum(minutes) filter (age < 90) as minutes_90d,
        sum(minutes) filter (age < 365) as minutes_365d,
        count(*) filter (touch and age < latest) as since_purchase,
        count(*) filter (touch and age >= latest and age < first) as between_purchases,
        count(*) filter (kind = 'email_open' and age < 365) as email_opens,
        count(*) filter (kind = 'email_click' and age < 365) as email_clicks,
        count(*) filter (kind = 'visit' and age < 365) as visits,
        count(*) filter (kind = 'download' and age < 365) as downloads,
        count(*) filter (kind = 'webinar' and age < 365) as webinars,
        count(*) filter (kind = 'store_visit' and age < 365) as store_visits,
        count(*) filter (kind = 'call' and age < 365) as calls,
        count(*) filter (kind = 'meeting' and age < 365) as meetings,
        count(*) filter (kind = 'event' and age < 365) as events,
        count(*) filter (kind = 'quote_request' and age < 365) as quote_requests
    from touches
    left join purchases using (contact_id)
    group by contact_id
),

touch_days as (
    select contact_id, age, sum(points) as points
    from touches
    group by contact_id, age
),

days as (
    select
        contact_id,
        min(age) as latest,
        max(age) as first,
        count(*) filter (age < 90) as days_90d,
        count(*) filter (age < 365) as days_365d,
        (max(age) - min(age)) / nullif(count(*) - 1, 0) as interval,
        sum(points) / 10000 as points,
        sum(round(points * power(0.5, age / 14))) / 10000 as points_warm,
        sum(points) filter (age < 30) / 10000 as points_30d,
        sum(points) filter (age < 90) / 10000 as points_90d,
        sum(points) filter (age < 365) / 10000 as points_365d
    from touch_days
    group by contact_id
),

answers as (
    select contact_id, kind, age, count(*) as answers, sum(score) as score
    from touches
    where not touch and score is not null
    group by contact_id, kind, age
),

surveys as (
    select
        contact_id,
        arg_min(score / answers, age) filter (kind = 'nps') as last_nps,
        arg_min(score / answers, age) filter (kind = 'csat') as last_csat,
        arg_min(score / answers, age) filter (kind = 'ces') as last_ces,
        sum(case kind when 'nps' then score when 'csat' then (score - answers) * 10 / 4 else (score - answers) * 10 / 6 end)
            / sum(answers) as satisfaction
    from answers
    group by contact_id
)

select
    contact_id,
    $as_of as as_of,
    dayofyear($as_of) as day_of_year,
    p.latest as days_since_purchase,
    p.first as days_since_first_purchase,
    coalesce(p.days_30d, 0) as purchases_30d,
    coalesce(p.days_90d, 0) as purchases_90d,
    coalesce(p.days_365d, 0) as purchases_365d,
    coalesce(p.days, 0) as purchases,
    coalesce(p.spend_30d, 0) as spend_30d,
    coalesce(p.spend_90d, 0) as spend_90d,
    coalesce(p.spend_365d, 0) as spend_365d,
    coalesce(p.spend, 0) as spend,
    p.spend / nullif(p.days, 0) as spend_per_purchase,
    (p.first - p.latest) / nullif(p.days - 1, 0) as purchase_interval,
    p.latest / greatest((p.first - p.latest) / nullif(p.days - 1, 0), 1) as purchase_pause,
    p.days * 365 / (p.first + 1) as purchases_per_year,
    p.days_90d * 365 / 90 / nullif(p.days_365d, 0) as purchase_trend,
    coalesce(p.refunds_365d, 0) as refunds_365d,
    coalesce(p.margin_365d, 0) as margin_365d,
    coalesce(p.offline_365d, 0) / nullif(p.purchases_365d, 0) as offline_purchase_share_365d,
    p.latest_offline as days_since_offline_purchase,
    p.latest_online as days_since_online_purchase,
    d.latest as days_since_touch,
    d.first as days_since_first_touch,
    coalesce(c.touches_30d, 0) as touches_30d,
    coalesce(c.touches_90d, 0) as touches_90d,
    coalesce(c.touches_365d, 0) as touches_365d,
    coalesce(d.days_90d, 0) as active_days_90d,
    coalesce(d.days_365d, 0) as active_days_365d,
    c.per_month as touches_per_month,
    d.interval as touch_interval,
    d.latest / greatest(d.interval, 1) as touch_pause,
    c.touches_30d * 365 / 30 / nullif(c.touches_365d, 0) as touch_trend,
    c.offline_365d / nullif(c.touches_365d, 0) as offline_touch_share_365d,
    coalesce(c.minutes_90d, 0) as minutes_90d,
    coalesce(c.minutes_365d, 0) as minutes_365d,
    coalesce(c.since_purchase, 0) as touches_since_purchase,
    coalesce(c.between_purchases, 0) as touches_between_purchases,
    coalesce(d.points, 0) as engagement_points,
    coalesce(d.points_warm, 0) as engagement_points_warm,
    coalesce(d.points_30d, 0) as engagement_points_30d,
    coalesce(d.points_90d, 0) as engagement_points_90d,
    coalesce(d.points_365d, 0) as engagement_points_365d,
    coalesce(c.email_opens, 0) as email_opens_365d,
    coalesce(c.email_clicks, 0) as email_clicks_365d,
    coalesce(c.visits, 0) as visits_365d,
    coalesce(c.downloads, 0) as downloads_365d,
    coalesce(c.webinars, 0) as webinars_365d,
    coalesce(c.store_visits, 0) as store_visits_365d,
    coalesce(c.calls, 0) as calls_365d,
    coalesce(c.meetings, 0) as meetings_365d,
    coalesce(c.events, 0) as events_365d,
    coalesce(c.quote_requests, 0) as quote_requests_365d,
    s.satisfaction,
    s.last_nps,
    s.last_csat,
    s.last_ces,
    $as_of::date - k.created_at::date - 1 as tenure_days,
    $as_of::date - k.became_customer_at::date - 1 as customer_days,
    k.opted_out_at is not null as opted_out,
    k.source_channel,
    k.distance_km,
    k.sector,
    k.region,
    k.size
from contacts as k
left join purchases as p using (contact_id)
left join counts as c using (contact_id)
left join days as d using (contact_id)
left join surveys as s using (contact_id)
