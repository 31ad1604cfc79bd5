-- The simulated company's visits as GA4's export holds them: each query is headed by the name of its file.

-- events_20251231.parquet
with visit as (
  select *, epoch_us(occurred_at at time zone 'Europe/Paris') as stamp, row_number() over (partition by contact_id order by occurred_at) as number
  from touchpoints join contacts using (contact_id)
  where channel in ('search', 'social', 'web') and kind in ('visit', 'download', 'quote_request')
),
-- an event is told by its browser; who logs in is known, and one browser in ten never says whose it is
event as (
  select *, record_id::varchar || '.' || substr(md5(contact_id), 1, 8) as browser,
         case when number > 1 and record_id % 10 > 0 then record_id::varchar end as known_as
  from visit
)
select strftime(occurred_at, '%Y%m%d') as event_date,
       stamp as event_timestamp,
       case kind when 'visit' then 'session_start' when 'download' then 'file_download' else 'generate_lead' end as event_name,
       [{'key': 'ga_session_id', 'value': {'string_value': null::varchar, 'int_value': stamp // 1000000, 'double_value': null::double}},
        {'key': 'engagement_time_msec',
         'value': {'string_value': null, 'int_value': (coalesce(duration_minutes, 1) * 60000)::bigint, 'double_value': null}}]
         as event_params,
       known_as as user_id,
       browser as user_pseudo_id,
       {'name': null::varchar, 'medium': '(none)', 'source': '(direct)'} as traffic_source,
       {'manual_campaign_name': campaign,
        'manual_source': case channel when 'search' then 'google' when 'social' then 'facebook' end,
        'manual_medium': case channel when 'search' then 'cpc' when 'social' then 'social' end,
        'gclid': null::varchar} as collected_traffic_source
from event order by stamp, record_id
