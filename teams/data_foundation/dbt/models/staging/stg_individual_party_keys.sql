-- Grain: one row a source system and key in it. A key that was matched again belongs to the party of its newest match.

with named as (

    select
        individual_party_key,
        {{ clean_code('source_system') }} as source_system,
        {{ clean_text('source_key') }} as source_key,
        {{ pacific_to_utc('matched_at') }} as matched_at,
        _loaded_at as loaded_at
    from {{ source('storefront', 'raw_individual_party_keys') }}

)

-- After naming: one system spelt in two ways is one system.
select *
from named
qualify {{ is_newest(['source_system', 'source_key'], ['matched_at', 'loaded_at', 'individual_party_key']) }}
