-- A simulated company as Pipedrive would export it: each query is headed by the name of its file.

-- people.csv
select record_id as "Person - ID",
       'Person ' || record_id as "Person - Name",
       email as "Person - Email - Work",
       case when opted_out_at is not null then 'Unsubscribed' else 'Subscribed' end as "Person - Marketing status",
       strftime(created_at, '%Y-%m-%d %H:%M:%S') as "Person - Person created",
       strftime(greatest(created_at, became_customer_at, opted_out_at), '%Y-%m-%d %H:%M:%S') as "Person - Update time",
       source_channel as "Person - Source channel",
       region as "Person - Country of Postal address"
from contacts order by record_id

-- deals.csv
select substr(deal_id, 2)::bigint + 1 as "Deal - ID",
       'Deal ' || deal_id as "Deal - Title",
       owner as "Deal - Owner",
       coalesce(nullif(closed_amount, 0), amount) as "Deal - Value",
       'EUR' as "Deal - Currency of Value",
       'Sales' as "Deal - Pipeline",
       'Person ' || record_id as "Deal - Contact person",
       record_id as "Deal - Contact person ID",
       upper(coalesce(outcome, 'open')[1]) || coalesce(outcome, 'open')[2:] as "Deal - Status",
       strftime(opened_at, '%Y-%m-%d %H:%M:%S') as "Deal - Deal created",
       case when outcome = 'won' then strftime(closed_at, '%Y-%m-%d %H:%M:%S') end as "Deal - Won time",
       case when outcome = 'lost' then strftime(closed_at, '%Y-%m-%d %H:%M:%S') end as "Deal - Lost time",
       channel as "Deal - Source channel"
from deals join contacts using (contact_id) order by 1

-- activities.csv
select row_number() over (order by occurred_at, record_id) as "Activity - ID",
       upper(kind[1]) || kind[2:] as "Activity - Type",
       strftime(occurred_at, '%Y-%m-%d') as "Activity - Due date",
       strftime(occurred_at, '%H:%M') as "Activity - Due time",
       'Done' as "Activity - Done",
       'Person ' || record_id as "Activity - Contact person"
from touchpoints join contacts using (contact_id) where kind in ('call', 'meeting') order by 1

-- sales.csv
select email as customer, strftime(occurred_at, '%Y-%m-%d %H:%M:%S') as date, amount, channel
from transactions join contacts using (contact_id) order by occurred_at, record_id
