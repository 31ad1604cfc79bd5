-- A simulated company as HubSpot would export it: each query is headed by the name of its file.

-- hubspot-crm-exports-all-contacts-2025-12-31.csv
select record_id as "Record ID",
       'First ' || record_id as "First Name",
       'Last ' || record_id as "Last Name",
       email as "Email",
       case when disqualified_at is not null then 'Unqualified' end as "Lead Status",
       case when became_customer_at is not null then 'Customer' else 'Lead' end as "Lifecycle Stage",
       strftime(created_at, '%Y-%m-%d %H:%M') as "Create Date",
       strftime(became_customer_at, '%Y-%m-%d %H:%M') as "Became a Customer Date",
       case source_channel when 'search' then 'Paid Search' when 'social' then 'Paid Social' when 'email' then 'Email Marketing'
            when 'web' then 'Direct Traffic' else 'Offline Sources' end as "Original Traffic Source",
       (opted_out_at is not null)::varchar as "Unsubscribed from all email",
       strftime(greatest(created_at, became_customer_at, disqualified_at, opted_out_at), '%Y-%m-%d %H:%M') as "Last Modified Date",
       region as "Country/Region",
       sector as "Industry"
from contacts order by record_id

-- hubspot-crm-exports-all-deals-2025-12-31.csv
with stages as (
  select deal_id, arg_max(stage, occurred_at) as stage, arg_max(amount, occurred_at) as amount,
         arg_max(expected_close_at, occurred_at) as expected_close_at,
         min(occurred_at) filter (stage = 'qualification') as qualified, min(occurred_at) filter (stage = 'proposal') as proposed,
         min(occurred_at) filter (stage = 'negotiation') as negotiated
  from deal_events group by deal_id
)
select substr(deal_id, 2)::bigint + 500000 as "Record ID",
       upper(product[1]) || product[2:] || ' for ' || record_id as "Deal Name",
       'Sales Pipeline' as "Pipeline",
       case stage when 'won' then 'Closed Won' when 'lost' then 'Closed Lost' when 'qualification' then 'Appointment Scheduled'
            when 'proposal' then 'Presentation Scheduled' else 'Contract Sent' end as "Deal Stage",
       coalesce(nullif(closed_amount, 0), stages.amount, deals.amount) as "Amount",
       'EUR' as "Currency",
       strftime(coalesce(closed_at, expected_close_at), '%Y-%m-%d %H:%M') as "Close Date",
       strftime(opened_at, '%Y-%m-%d %H:%M') as "Create Date",
       owner as "Deal owner",
       product as "Deal Type",
       strftime(qualified, '%Y-%m-%d %H:%M') as "Date entered ""Appointment Scheduled (Sales Pipeline)""",
       strftime(proposed, '%Y-%m-%d %H:%M') as "Date entered ""Presentation Scheduled (Sales Pipeline)""",
       strftime(negotiated, '%Y-%m-%d %H:%M') as "Date entered ""Contract Sent (Sales Pipeline)""",
       strftime(closed_at, '%Y-%m-%d %H:%M') as "Date entered ""Closed Won (Sales Pipeline)""",
       'First ' || record_id || ' Last ' || record_id as "Associated Contact",
       record_id as "Associated Contact IDs"
from deals join stages using (deal_id) join contacts using (contact_id) order by deal_id

-- hubspot-crm-exports-all-calls-2025-12-31.csv
select row_number() over (order by occurred_at, record_id) + 900000 as "Record ID",
       'Call' as "Call Title",
       strftime(occurred_at, '%Y-%m-%d %H:%M') as "Activity date",
       'Connected' as "Call outcome",
       record_id as "Associated Contact IDs"
from touchpoints join contacts using (contact_id) where kind = 'call' order by 1

-- hubspot-crm-exports-all-meetings-2025-12-31.csv
select row_number() over (order by occurred_at, record_id) + 950000 as "Record ID",
       'Meeting' as "Meeting name",
       strftime(occurred_at, '%Y-%m-%d %H:%M') as "Activity date",
       'Completed' as "Meeting outcome",
       record_id as "Associated Contact IDs"
from touchpoints join contacts using (contact_id) where kind = 'meeting' order by 1

-- sales.csv
select case channel when 'web' then email else record_id::varchar end as customer,
       strftime(occurred_at, '%Y-%m-%d %H:%M:%S') as date,
       amount,
       channel
from transactions join contacts using (contact_id) order by occurred_at, record_id
