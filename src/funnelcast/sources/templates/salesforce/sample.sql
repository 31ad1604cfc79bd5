-- A simulated company as Salesforce would export it: each query is headed by the name of its file. Whoever has an opportunity is a contact
-- that came as a lead; everybody else is a lead.

-- Contact.csv
select '003' || lpad(record_id::varchar, 12, '0') || 'AAA' as "Id",
       0 as "IsDeleted",
       'Last ' || record_id as "LastName",
       email as "Email",
       region as "MailingCountry",
       (opted_out_at is not null)::int as "HasOptedOutOfEmail",
       strftime(created_at at time zone 'Europe/Paris' at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.000Z') as "CreatedDate",
       strftime(greatest(created_at, became_customer_at, opted_out_at) at time zone 'Europe/Paris' at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.000Z')
         as "LastModifiedDate"
from contacts semi join deals using (contact_id) order by record_id

-- Lead.csv
select '00Q' || lpad(record_id::varchar, 12, '0') || 'AAA' as "Id",
       0 as "IsDeleted",
       'Last ' || record_id as "LastName",
       email as "Email",
       case when won.contact_id is not null then 'Closed - Converted' when disqualified_at is not null then 'Closed - Not Converted'
            else 'Working - Contacted' end as "Status",
       source_channel as "LeadSource",
       region as "Country",
       (opted_out_at is not null)::int as "HasOptedOutOfEmail",
       case when won.contact_id is not null then '003' || lpad(record_id::varchar, 12, '0') || 'AAA' end as "ConvertedContactId",
       strftime(created_at at time zone 'Europe/Paris' at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.000Z') as "CreatedDate",
       strftime(greatest(created_at, disqualified_at, opted_out_at) at time zone 'Europe/Paris' at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.000Z')
         as "LastModifiedDate"
from contacts left join (select distinct contact_id from deals) won using (contact_id) order by record_id

-- Opportunity.csv
select '006' || lpad(deal_id[2:], 12, '0') || 'AAA' as "Id",
       0 as "IsDeleted",
       'Deal ' || deal_id as "Name",
       case outcome when 'won' then 'Closed Won' when 'lost' then 'Closed Lost' else 'Prospecting' end as "StageName",
       coalesce(nullif(closed_amount, 0), amount) as "Amount",
       strftime(closed_at, '%Y-%m-%d') as "CloseDate",
       product as "Type",
       channel as "LeadSource",
       (closed_at is not null)::int as "IsClosed",
       coalesce(outcome = 'won', false)::int as "IsWon",
       owner as "OwnerId",
       'EUR' as "CurrencyIsoCode",
       strftime(opened_at at time zone 'Europe/Paris' at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.000Z') as "CreatedDate"
from deals order by deal_id

-- OpportunityHistory.csv
select '008' || lpad((row_number() over (order by deal_id, occurred_at))::varchar, 12, '0') || 'AAA' as "Id",
       '006' || lpad(deal_id[2:], 12, '0') || 'AAA' as "OpportunityId",
       strftime(occurred_at at time zone 'Europe/Paris' at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.000Z') as "CreatedDate",
       case stage when 'won' then 'Closed Won' when 'lost' then 'Closed Lost' when 'qualification' then 'Prospecting'
            when 'proposal' then 'Proposal/Price Quote' else 'Negotiation/Review' end as "StageName",
       amount as "Amount",
       strftime(coalesce(expected_close_at, occurred_at), '%Y-%m-%d') as "CloseDate"
from deal_events order by 1

-- OpportunityContactRole.csv
select '00K' || lpad(deal_id[2:], 12, '0') || 'AAA' as "Id",
       '006' || lpad(deal_id[2:], 12, '0') || 'AAA' as "OpportunityId",
       '003' || lpad(record_id::varchar, 12, '0') || 'AAA' as "ContactId",
       1 as "IsPrimary"
from deals join contacts using (contact_id) order by 1

-- Campaign.csv
select '701000000000001AAA' as "Id", 'Fairs' as "Name", 'Trade Show' as "Type" union all select '701000000000002AAA', 'Webinars', 'Webinar'

-- CampaignMember.csv
select '00v' || lpad((row_number() over (order by occurred_at, record_id))::varchar, 12, '0') || 'AAA' as "Id",
       case kind when 'event' then '701000000000001AAA' else '701000000000002AAA' end as "CampaignId",
       '00Q' || lpad(record_id::varchar, 12, '0') || 'AAA' as "LeadId",
       1 as "HasResponded",
       strftime(occurred_at at time zone 'Europe/Paris' at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.000Z') as "CreatedDate"
from touchpoints join contacts using (contact_id) where kind in ('event', 'webinar') order by 1

-- Task.csv
select '00T' || lpad((row_number() over (order by occurred_at, record_id))::varchar, 12, '0') || 'AAA' as "Id",
       '00Q' || lpad(record_id::varchar, 12, '0') || 'AAA' as "WhoId",
       'Completed' as "Status",
       'Call' as "TaskSubtype",
       strftime(occurred_at, '%Y-%m-%d') as "ActivityDate",
       strftime(occurred_at at time zone 'Europe/Paris' at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.000Z') as "CompletedDateTime"
from touchpoints join contacts using (contact_id) where kind = 'call' order by 1

-- Event.csv
select '00U' || lpad((row_number() over (order by occurred_at, record_id))::varchar, 12, '0') || 'AAA' as "Id",
       '00Q' || lpad(record_id::varchar, 12, '0') || 'AAA' as "WhoId",
       strftime(occurred_at at time zone 'Europe/Paris' at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.000Z') as "StartDateTime",
       duration_minutes as "DurationInMinutes"
from touchpoints join contacts using (contact_id) where kind = 'meeting' order by 1

-- sales.csv
select email as customer, strftime(occurred_at, '%Y-%m-%d %H:%M:%S') as date, amount, channel
from transactions join contacts using (contact_id) order by occurred_at, record_id
