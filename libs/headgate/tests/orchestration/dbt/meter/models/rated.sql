select id, id + 1 as next_id from {{ source('plants', 'squares') }}
