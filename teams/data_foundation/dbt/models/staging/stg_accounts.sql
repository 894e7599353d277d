-- Grain: one row an account. Personal values are hashed or masked here; nothing after this model holds them in clear.

with newest as (

    select *
    from {{ source('storefront', 'raw_accounts') }}
    qualify {{ is_newest(['account_id'], ['updated_at', '_loaded_at']) }}

)

select
    account_id,
    {{ mask_name('first_name') }} as first_name_masked,
    {{ mask_name('last_name') }} as last_name_masked,
    {{ hash_text('email') }} as email_hash,
    {{ hash_digits('phone') }} as phone_hash,
    {{ clean_code('gender') }} as gender,
    cast(extract(year from date_of_birth) as integer) as birth_year,
    {{ clean_text('country') }} as country,
    is_active,
    {{ pacific_to_utc('created_at') }} as created_at,
    {{ pacific_to_utc('updated_at') }} as updated_at,
    _loaded_at as loaded_at
from newest
