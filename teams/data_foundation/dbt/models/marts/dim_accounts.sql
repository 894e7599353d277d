-- Grain: one row an account, as it is now. Names are masked, the e-mail address is a hash.

with accounts as (

    select * from {{ ref('stg_accounts') }}

),

parties as (

    select * from {{ ref('stg_individual_party_keys') }}
    where source_system = 'accounts_db'

)

select
    accounts.account_id,
    parties.individual_party_key,
    accounts.first_name_masked,
    accounts.last_name_masked,
    accounts.email_hash,
    accounts.gender,
    accounts.birth_year,
    accounts.country,
    accounts.is_active,
    accounts.created_at,
    accounts.updated_at
from accounts
left join parties on cast(accounts.account_id as varchar) = parties.source_key
